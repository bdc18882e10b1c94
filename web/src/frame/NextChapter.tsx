import { CHAPTERS, type Chapter } from '../chapters/index.ts';

export function NextChapter({ after }: { after: Chapter }) {
  const next = CHAPTERS[CHAPTERS.indexOf(after) + 1];
  return (
    <p className="mt-10 flex justify-end pb-6">
      <a href={next ? `#/${next.address}` : '#/'} className="btn btn-red !px-5 !py-2 !text-base">
        {next ? `${next.number} ${next.title}` : 'back to the start'}{' '}
        <span aria-hidden="true">→</span>
      </a>
    </p>
  );
}
