/** What runs in this page, where locks are missing. @type {Map<string, Promise<unknown>>} */
const running = new Map();

/** Run `work` while no other tab of this origin runs it; where locks are missing, no other of this page.
 *
 * @template Result
 * @param {string} name
 * @param {() => Promise<Result>} work
 * @returns {Promise<Result>} */
export async function exclusively(name, work) {
  if (!navigator.locks) return oneAfterAnother(name, work);
  let isRunning = false;
  try {
    return await navigator.locks.request(name, () => {
      isRunning = true;
      return work();
    });
  } catch (error) {
    if (isRunning || error.name !== "SecurityError") throw error;
    return oneAfterAnother(name, work);
  }
}

/**
 * @template Result
 * @param {string} name
 * @param {() => Promise<Result>} work
 * @returns {Promise<Result>} */
function oneAfterAnother(name, work) {
  const result = (running.get(name) ?? Promise.resolve()).then(work);
  running.set(name, result.catch(() => {}));
  return result;
}
