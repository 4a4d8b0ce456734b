// Failures as they come, and at the end the line that scripts/test counts by.
export default async function* reporter(events) {
  let passed = 0;
  let failed = 0;
  for await (const { type, data } of events) {
    if (data.details?.type === "suite" && type !== "test:stderr") {
      continue;
    }
    if (type === "test:pass") {
      passed += 1;
    } else if (type === "test:fail") {
      failed += 1;
      const { error } = data.details;
      yield `FAILED: ${data.name} (${data.file})\n${error.stack ?? error}\n${error.cause?.stack ?? ""}\n`;
    } else if (type === "test:stderr" || type === "test:stdout") {
      yield data.message;
    }
  }
  yield `${passed} passed, ${failed} failed\n`;
}
