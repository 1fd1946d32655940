<?php
// Switch password-change notices on, read the policy, and tell of a change: with PHP 8 alone.
// Needs API (such as http://127.0.0.1:8080), TOKEN, and ORG in the environment. Run: php policy.php
declare(strict_types=1);

function call(string $method, string $path, ?array $body = null): string
{
    $context = stream_context_create(['http' => [
        'method' => $method,
        'header' => ['Authorization: Bearer ' . getenv('TOKEN'), 'Content-Type: application/json'],
        'content' => $body === null ? '' : json_encode($body, JSON_THROW_ON_ERROR),
        'timeout' => 10,
        'ignore_errors' => true,
    ]]);
    $text = file_get_contents(getenv('API') . $path, false, $context);
    $status = (int) explode(' ', $http_response_header[0])[1];
    if ($text === false || $status >= 300) {
        throw new RuntimeException("$status: $text");
    }
    return $text;
}

echo call('PUT', '/management/v1/policies/notification', ['passwordChange' => true]), PHP_EOL;
echo call('GET', '/management/v1/policies/notification'), PHP_EOL;
echo call('POST', '/v1/events', [
    'id' => 'php-' . bin2hex(random_bytes(8)),
    'org_id' => getenv('ORG'),
    'occurred_at' => gmdate('Y-m-d\TH:i:s\Z'),
    'user' => ['id' => 'u-1', 'email' => 'ada@example.org'],
    'change' => 'change',
]), PHP_EOL;
