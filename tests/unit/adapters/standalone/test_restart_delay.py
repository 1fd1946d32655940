"""When something that died is started again."""

from dispatcher.adapters.standalone.restart_delay import RestartDelay


def test_the_delay_doubles_with_each_early_death_up_to_its_limit() -> None:
    delay = RestartDelay(first=0.5, longest=30.0)
    assert [delay.after(1.0) for _ in range(8)] == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]


def test_a_minute_of_health_makes_earlier_deaths_forgotten() -> None:
    delay = RestartDelay()
    for _ in range(5):
        delay.after(1.0)
    assert delay.after(60.0) == 0.5
    assert delay.after(1.0) == 1.0


def test_a_thousand_deaths_do_not_overflow() -> None:
    delay = RestartDelay()
    assert [delay.after(0.0) for _ in range(1000)][-1] == 30.0
