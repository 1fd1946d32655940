// Switch password-change notices on, read the policy, and tell of a change: with Go's standard library.
// Needs API (such as http://127.0.0.1:8080), TOKEN, and ORG in the environment.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"time"
)

var client = http.Client{Timeout: 10 * time.Second}

func call(method, path string, body any) string {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			log.Fatal(err)
		}
		content = bytes.NewReader(text)
	}
	request, err := http.NewRequest(method, os.Getenv("API")+path, content)
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+os.Getenv("TOKEN"))
	request.Header.Set("Content-Type", "application/json")
	answer, err := client.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		log.Fatal(err)
	}
	if answer.StatusCode >= 300 {
		log.Fatalf("%s: %s", answer.Status, text)
	}
	return string(text)
}

func main() {
	fmt.Println(call("PUT", "/management/v1/policies/notification", map[string]bool{"passwordChange": true}))
	fmt.Println(call("GET", "/management/v1/policies/notification", nil))
	fmt.Println(call("POST", "/v1/events", map[string]any{
		"id":          fmt.Sprintf("go-%d", time.Now().UnixNano()),
		"org_id":      os.Getenv("ORG"),
		"occurred_at": time.Now().UTC().Format(time.RFC3339),
		"user":        map[string]string{"id": "u-1", "email": "ada@example.org"},
		"change":      "change",
	}))
}
