/** Waiting for a job of the monitor. */

import { get } from "./api.js";

const FIRST_MS = 50;
const LONGEST_MS = 500;

/**
 * Wait until a job has ended.
 * @param {object} job as it was begun.
 * @param {function} tell gets the job now and then.
 * @returns {Promise<object>} its result; throws with what went wrong.
 */
export async function ended(job, tell) {
  for (let wait = FIRST_MS; ; wait = Math.min(LONGEST_MS, wait * 2)) {
    tell(job);
    if (job.state === "failed") throw new Error(job.error);
    if (job.state !== "running") return job.result;
    await new Promise((resolve) => setTimeout(resolve, wait));
    job = await get(`jobs/${job.id}`);
  }
}
