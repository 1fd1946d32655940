// Switch password-change notices on, read the policy, and tell of a change: with .NET 8 or newer.
// Needs API (such as http://127.0.0.1:8080), TOKEN, and ORG in the environment. As a console project's Program.cs.
using System.Net.Http.Headers;
using System.Net.Http.Json;

var client = new HttpClient
{
    BaseAddress = new Uri(Environment.GetEnvironmentVariable("API")!),
    Timeout = TimeSpan.FromSeconds(10),
};
client.DefaultRequestHeaders.Authorization =
    new AuthenticationHeaderValue("Bearer", Environment.GetEnvironmentVariable("TOKEN"));

async Task<string> Call(HttpMethod method, string path, object? body = null)
{
    using var request = new HttpRequestMessage(method, path);
    if (body is not null) request.Content = JsonContent.Create(body);
    using var answer = await client.SendAsync(request);
    var text = await answer.Content.ReadAsStringAsync();
    if (!answer.IsSuccessStatusCode) throw new HttpRequestException($"{(int)answer.StatusCode}: {text}");
    return text;
}

Console.WriteLine(await Call(HttpMethod.Put, "/management/v1/policies/notification", new { passwordChange = true }));
Console.WriteLine(await Call(HttpMethod.Get, "/management/v1/policies/notification"));
Console.WriteLine(await Call(HttpMethod.Post, "/v1/events", new
{
    id = $"dotnet-{Guid.NewGuid()}",
    org_id = Environment.GetEnvironmentVariable("ORG"),
    occurred_at = DateTimeOffset.UtcNow.ToString("yyyy-MM-ddTHH:mm:ssZ"),
    user = new { id = "u-1", email = "ada@example.org" },
    change = "change",
}));
