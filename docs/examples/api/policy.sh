#!/bin/sh
# Switch password-change notices on, read the policy, and tell of a change: with curl.
# Needs API (such as http://127.0.0.1:8080), TOKEN, and ORG in the environment.
set -eu

curl --fail-with-body -sS -L -X PUT "$API/management/v1/policies/notification" \
  -H 'Content-Type: application/json' \
  -H 'Accept: application/json' \
  -H "Authorization: Bearer $TOKEN" \
  -d '{"passwordChange": true}'
echo

curl --fail-with-body -sS "$API/management/v1/policies/notification" -H "Authorization: Bearer $TOKEN"
echo

curl --fail-with-body -sS "$API/v1/events" \
  -H 'Content-Type: application/json' \
  -H "Authorization: Bearer $TOKEN" \
  -d "{\"id\": \"curl-$(date +%s)-$$\", \"org_id\": \"$ORG\", \"occurred_at\": \"$(date -u +%Y-%m-%dT%H:%M:%SZ)\",
       \"user\": {\"id\": \"u-1\", \"email\": \"ada@example.org\"}, \"change\": \"change\"}"
echo
