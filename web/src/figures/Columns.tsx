import { count } from './format.ts';

/** Counts as columns; the table is for those who do not see them. */
export function Columns(props: {
  name: string;
  columns: readonly { label: string; value: number }[];
}) {
  const most = Math.max(1, ...props.columns.map((column) => column.value));
  return (
    <div className="overflow-x-auto" role="group" aria-label={props.name} tabIndex={0}>
      <div className="flex h-36 items-end gap-[3px]" aria-hidden="true">
        {props.columns.map(({ label, value }) => (
          <div
            key={label}
            className="flex h-full min-w-3 flex-1 flex-col text-center"
            title={`${label}: ${count(value)}`}
          >
            <div className="flex min-h-0 flex-1 flex-col justify-end">
              <div className="bg-blue" style={{ height: `${(100 * value) / most}%` }} />
            </div>
            <div className="caption h-6 shrink-0 leading-6">{label}</div>
          </div>
        ))}
      </div>
      <table className="sr-only">
        <caption>{props.name}</caption>
        <tbody>
          {props.columns.map(({ label, value }) => (
            <tr key={label}>
              <th scope="row">{label}</th>
              <td>{value}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
