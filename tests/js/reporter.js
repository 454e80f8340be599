// Gives one line of JSON for each test of `node --test`, for test_units.py.
export default async function* report(source) {
  for await (const { type, data } of source) {
    // What a file says that ends before its tests are known.
    if (type === "test:stderr") yield `${JSON.stringify({ said: data.message })}\n`;
    if ((type !== "test:pass" && type !== "test:fail") || data.nesting > 0) continue;
    const error = data.details?.error;
    yield `${JSON.stringify({
      file: data.file,
      name: data.name,
      hasPassed: type === "test:pass",
      error: error ? String(error.cause?.stack ?? error.stack ?? error) : "",
    })}\n`;
  }
}
