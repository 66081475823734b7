import { z } from 'zod';

export const id = z.string().min(1).max(200);
export const nothing = z.strictObject({});
