/** Below so many test examples results are anecdotes. */
export const anecdotalTest = 30
