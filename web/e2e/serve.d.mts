import type { Server } from 'node:http';

export const CHROMIUM: string;
export const FLAGS: string[];
export function serve(
  prefix?: string,
  headers?: Record<string, string>,
  site?: string,
): Promise<{ server: Server; port: number }>;
