// node valid.mjs PAGES: reads the file PAGES, [{"name", "html"}] as JSON, and writes what a validator
// finds in them: [{"page", "rule", "text"}].
import { readFileSync } from "node:fs";
import { HtmlValidate } from "html-validate";

const validator = new HtmlValidate({ extends: ["html-validate:recommended"] });
const faults = [];
for (const { name, html } of JSON.parse(readFileSync(process.argv[2], "utf8"))) {
  const report = await validator.validateString(html);
  for (const { messages } of report.results)
    for (const { ruleId, message, line } of messages)
      faults.push({ page: name, rule: ruleId, text: `line ${line}: ${message}` });
}
process.stdout.write(JSON.stringify(faults));
