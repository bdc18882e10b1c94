import { testChapters } from './chapters.ts';

testChapters('light');
