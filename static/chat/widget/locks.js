/** Run `work` while no other tab of this origin runs it; where locks are missing, just run it.
 *
 * @template Result
 * @param {string} name
 * @param {() => Promise<Result>} work
 * @returns {Promise<Result>} */
export async function exclusively(name, work) {
  if (!navigator.locks) return work();
  let isRunning = false;
  try {
    return await navigator.locks.request(name, () => {
      isRunning = true;
      return work();
    });
  } catch (error) {
    if (isRunning || error.name !== "SecurityError") throw error;
    return work();
  }
}
