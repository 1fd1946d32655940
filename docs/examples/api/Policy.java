// Switch password-change notices on, read the policy, and tell of a change: with Java 17 or newer.
// Needs API (such as http://127.0.0.1:8080), TOKEN, and ORG in the environment. Run: java Policy.java
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.time.Instant;
import java.util.UUID;

public class Policy {
    private static final HttpClient CLIENT =
            HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();

    private static String call(String method, String path, String body)
            throws IOException, InterruptedException {
        var request = HttpRequest.newBuilder(URI.create(System.getenv("API") + path))
                .timeout(Duration.ofSeconds(10))
                .header("Authorization", "Bearer " + System.getenv("TOKEN"))
                .header("Content-Type", "application/json")
                .method(method, body == null ? BodyPublishers.noBody() : BodyPublishers.ofString(body))
                .build();
        var answer = CLIENT.send(request, BodyHandlers.ofString());
        if (answer.statusCode() >= 300) {
            throw new IOException(answer.statusCode() + ": " + answer.body());
        }
        return answer.body();
    }

    public static void main(String[] arguments) throws Exception {
        System.out.println(call("PUT", "/management/v1/policies/notification", "{\"passwordChange\": true}"));
        System.out.println(call("GET", "/management/v1/policies/notification", null));
        System.out.println(call("POST", "/v1/events", """
                {"id": "java-%s", "org_id": "%s", "occurred_at": "%s",
                 "user": {"id": "u-1", "email": "ada@example.org"}, "change": "change"}
                """.formatted(UUID.randomUUID(), System.getenv("ORG"), Instant.now())));
    }
}
