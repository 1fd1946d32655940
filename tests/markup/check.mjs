// node check.mjs MAILS CHROMIUM: reads the file MAILS, [{"name", "html"}] as JSON, and writes what
// a validator and axe-core find in them: [{"mail", "rule", "text"}].
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { HtmlValidate } from "html-validate";
import puppeteer from "puppeteer-core";

const [, , file, chromium] = process.argv;
const mails = JSON.parse(readFileSync(file, "utf8"));
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const faults = [];

// What mail programs need though HTML 5 has another way: Outlook's Word engine reads attributes
// of tables and conditional comments, Gmail inline styles. A title's length counts references.
const validator = new HtmlValidate({
  extends: ["html-validate:recommended"],
  rules: {
    "long-title": "off",
    "no-conditional-comment": "off",
    "no-deprecated-attr": "off",
    "no-inline-style": "off",
  },
});
for (const { name, html } of mails) {
  const report = await validator.validateString(html);
  for (const { messages } of report.results)
    for (const { ruleId, message, line } of messages)
      faults.push({ mail: name, rule: ruleId, text: `line ${line}: ${message}` });
}

const looks = [
  { scheme: "light", width: 680 },
  { scheme: "dark", width: 390 },
];
const browser = await puppeteer.launch({
  executablePath: chromium,
  args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
});
try {
  const page = await browser.newPage();
  for (const { scheme, width } of looks) {
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    await page.setViewport({ width, height: 1200 });
    for (const { name, html } of mails) {
      await page.setContent(html);
      await page.evaluate(axe);
      const { violations, incomplete } = await page.evaluate(() => window.axe.run());
      const unsure = incomplete.filter(({ id }) => id === "color-contrast");
      for (const { id, nodes } of [...violations, ...unsure])
        faults.push({ mail: `${name}, ${scheme}`, rule: id, text: nodes[0].html });
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      if (wide > width) faults.push({ mail: `${name}, ${scheme}`, rule: "too-wide", text: `${wide} px` });
    }
  }
} finally {
  await browser.close();
}
process.stdout.write(JSON.stringify(faults));
