/* table: rows of objects under titles. It sorts what it was given by a click on a title, and
 * shows it in pages, so that the browser has never more than a page of rows; what is longer
 * than ilsd gives at once is paged by the one who asks. */
import { useMemo, useState } from 'preact/hooks';
import { words, number } from '../words';
import { Button, None, type Children } from './bits';

const t = words(
    {
        filter: 'Filter',
        shown: '{from}–{to} of {n}',
        former: 'Previous',
        next: 'Next',
        sort: 'Sort by {title}',
    },
    {
        filter: '絞り込み',
        shown: '{n} 件中 {from}–{to}',
        former: '前へ',
        next: '次へ',
        sort: '{title}で並べ替え',
    },
);

export interface Column<T> {
    title: string;
    cell: (row: T) => Children;
    /* What it is sorted and filtered by; without: it is not. */
    by?: (row: T) => string | number | null;
    right?: boolean;
}

function compare(a: string | number | null, b: string | number | null): number {
    if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
    if (typeof a === 'number' && typeof b === 'number') return a - b;
    return String(a).localeCompare(String(b), undefined, { numeric: true });
}

const EACH = 50;

export function Table<T>(props: {
    caption: string;
    columns: Column<T>[];
    rows: T[];
    keyOf: (row: T) => string;
    filter?: boolean;
    none?: string;
    each?: number;
}) {
    const [sort, setSort] = useState<{ at: number; down: boolean } | null>(null);
    const [text, setText] = useState('');
    const [page, setPage] = useState(0);
    const each = props.each ?? EACH;
    const { rows, columns } = props;

    const shown = useMemo(() => {
        const wanted = text.trim().toLowerCase();
        let got = rows;
        if (wanted)
            got = got.filter(row =>
                columns.some(
                    c =>
                        c.by &&
                        String(c.by(row) ?? '')
                            .toLowerCase()
                            .includes(wanted),
                ),
            );
        const by = sort === null ? undefined : columns[sort.at]?.by;
        if (by && sort) got = [...got].sort((a, b) => compare(by(a), by(b)) * (sort.down ? -1 : 1));
        return got;
    }, [rows, columns, text, sort]);

    const pages = Math.max(1, Math.ceil(shown.length / each));
    const at = Math.min(page, pages - 1);
    const part = shown.slice(at * each, (at + 1) * each);
    const press = (i: number) => setSort(s => ({ at: i, down: s?.at === i ? !s.down : false }));

    return (
        <div class="table">
            {props.filter && (
                <input
                    type="search"
                    class="filter"
                    aria-label={`${t('filter')}: ${props.caption}`}
                    placeholder={t('filter')}
                    value={text}
                    onInput={e => {
                        setText(e.currentTarget.value);
                        setPage(0);
                    }}
                />
            )}
            <div class="scroll" tabIndex={0} role="group" aria-label={props.caption}>
                <table>
                    <caption class="unseen">{props.caption}</caption>
                    <thead>
                        <tr>
                            {columns.map((c, i) => (
                                <th
                                    key={c.title}
                                    scope="col"
                                    class={c.right ? 'right' : undefined}
                                    aria-sort={
                                        sort?.at === i
                                            ? sort.down
                                                ? 'descending'
                                                : 'ascending'
                                            : undefined
                                    }
                                >
                                    {c.by ? (
                                        <button
                                            type="button"
                                            class="sort"
                                            title={t('sort', { title: c.title })}
                                            onClick={() => press(i)}
                                        >
                                            {c.title}
                                            <span aria-hidden="true">
                                                {sort?.at === i ? (sort.down ? ' ▼' : ' ▲') : ''}
                                            </span>
                                        </button>
                                    ) : (
                                        c.title
                                    )}
                                </th>
                            ))}
                        </tr>
                    </thead>
                    <tbody>
                        {part.map(row => (
                            <tr key={props.keyOf(row)}>
                                {columns.map(c => (
                                    <td key={c.title} class={c.right ? 'right' : undefined}>
                                        {c.cell(row)}
                                    </td>
                                ))}
                            </tr>
                        ))}
                    </tbody>
                </table>
            </div>
            {shown.length === 0 && <None text={props.none} />}
            {pages > 1 && (
                <Pager
                    from={at * each + 1}
                    to={at * each + part.length}
                    n={shown.length}
                    former={at > 0 ? () => setPage(at - 1) : undefined}
                    next={at < pages - 1 ? () => setPage(at + 1) : undefined}
                />
            )}
        </div>
    );
}

export function Pager(props: {
    from: number;
    to: number;
    n: number;
    former?: () => void;
    next?: () => void;
}) {
    return (
        <div class="pager">
            <Button disabled={!props.former} onPress={props.former}>
                {t('former')}
            </Button>
            <span>
                {t('shown', { from: number(props.from), to: number(props.to), n: number(props.n) })}
            </span>
            <Button disabled={!props.next} onPress={props.next}>
                {t('next')}
            </Button>
        </div>
    );
}
