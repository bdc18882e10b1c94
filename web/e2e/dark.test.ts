import { testChapters } from './chapters.ts';

testChapters('dark');
