/* plan_bits: what the parts of the page *Dial plan* share: entries, what a change would do before
 * it is done, and what it has done. */
import { useEffect, useState } from 'preact/hooks';
import type { Refusal, WrongRow } from '../api';
import { said } from '../said';
import { Button, Chip, Notice, Refused, Working, type Children, type Tone } from '../ui/bits';
import { Dialog } from '../ui/dialog';
import { Table, type Column } from '../ui/table';
import { useDo } from '../ui/use';
import { number, words } from '../words';

const t = words(
    {
        kind: 'Kind',
        key: 'Key',
        failover: 'PSTN failover',
        source: 'Source',
        what: 'Change',
        was: 'Before',
        added: 'added',
        removed: 'removed',
        changed: 'changed',
        unchanged: 'unchanged',
        'n-added': '{n} added',
        'n-removed': '{n} removed',
        'n-changed': '{n} changed',
        'n-unchanged': '{n} unchanged',
        nothing: 'It would change nothing.',
        'first-ones': 'Entries (the first 20 of each kind of change)',
        targets: 'Who answers what is dialled',
        where: 'Seen from',
        here: 'this cluster',
        others: 'all others',
        becomes: 'After',
        strings: 'Strings',
        examples: 'For example',
        nobody: 'nobody',
        except: '(but for {name})',
        same: 'Nothing that is dialled goes elsewhere.',
        shrinks: '{n} of {of} entries of this source would go, which is more than stay.',
        'by-example': 'Of patterns that match very many strings only examples were looked up.',
        'not-listed': '{n} strings of further groups are not listed.',
        done: 'Done: {added} added, {removed} removed, {changed} changed (change {n} in the log).',
        'done-n': 'Done (change {n} in the log).',
        none: 'Nothing was changed: it is so already.',
        line: 'Line',
        column: 'Column',
        wrong: 'What is wrong',
        rows: 'Wrong rows: nothing was imported',
        former: 'Previous',
        next: 'Next',
        looked: '{n} looked at, of {total}',
        page: 'Page {n}',
        looking: 'Looking up what would change…',
    },
    {
        kind: '種別',
        key: 'キー',
        failover: 'PSTN フェールオーバー',
        source: 'ソース',
        what: '変更',
        was: '変更前',
        added: '追加',
        removed: '削除',
        changed: '変更',
        unchanged: '変更なし',
        'n-added': '追加 {n} 件',
        'n-removed': '削除 {n} 件',
        'n-changed': '変更 {n} 件',
        'n-unchanged': '変更なし {n} 件',
        nothing: '変更される内容はありません。',
        'first-ones': 'エントリ(変更の種類ごとに先頭 20 件)',
        targets: 'ダイヤルされた文字列に応答するクラスタ',
        where: '視点',
        here: 'このクラスタ',
        others: '他のすべてのクラスタ',
        becomes: '変更後',
        strings: '文字列数',
        examples: '例',
        nobody: 'なし',
        except: '({name} を除く)',
        same: '宛先が変わるダイヤル文字列はありません。',
        shrinks:
            'このソースのエントリ {of} 件のうち {n} 件が削除されます。残る件数より多い削除です。',
        'by-example': '非常に多くの文字列に一致するパターンは、例だけを検索しました。',
        'not-listed': 'ほかのグループの文字列 {n} 件は表示していません。',
        done: '完了: 追加 {added}、削除 {removed}、変更 {changed}(ログの変更番号 {n})。',
        'done-n': '完了(ログの変更番号 {n})。',
        none: '変更はありません。すでにこの状態です。',
        line: '行',
        column: '列',
        wrong: '問題',
        rows: '誤りのある行(何もインポートされていません)',
        former: '前へ',
        next: '次へ',
        looked: '全 {total} 件のうち {n} 件を確認',
        page: '{n} ページ',
        looking: '変更内容を調べています…',
    },
);

export const KINDS = ['URI', 'ENTERPRISE', 'E164', 'ENTERPRISEPATTERN', 'E164PATTERN'] as const;

export interface Entry {
    kind: string;
    key: string;
    failover: string;
    source: string;
    usn?: number;
}

export interface Would {
    dry_run: true;
    added: number;
    removed: number;
    changed: number;
    unchanged: number;
    shrinks: string | null;
    entries: (Entry & { what: What; was?: Entry })[];
    targets: Group[];
    looked_up: number;
    by_example: number;
    not_listed: number;
}

export type What = 'added' | 'removed' | 'changed';

interface Group {
    where: 'here' | 'others' | 'cluster';
    cluster: string | null;
    was: string | null;
    becomes: string | null;
    except: string | null;
    strings: number;
    patterns: number;
    examples: string[];
}

export interface Changed {
    added: number;
    removed: number;
    changed: number;
    number: number | null;
    text: string;
}

const tones: Record<What, Tone> = { added: 'good', removed: 'bad', changed: 'info' };

export function WhatChip(props: { what: What }) {
    return <Chip tone={tones[props.what]}>{t(props.what)}</Chip>;
}

/* +12 -3 ~1 */
export function Counts(props: { of: { added: number; removed: number; changed: number } }) {
    const { added, removed, changed } = props.of;
    return (
        <span class="whole">
            {added > 0 && <Chip tone="good">{t('n-added', { n: number(added) })}</Chip>}{' '}
            {removed > 0 && <Chip tone="bad">{t('n-removed', { n: number(removed) })}</Chip>}{' '}
            {changed > 0 && <Chip tone="info">{t('n-changed', { n: number(changed) })}</Chip>}
        </span>
    );
}

function Groups(props: { rows: Group[] }) {
    const columns: Column<Group>[] = [
        {
            title: t('where'),
            cell: g => (
                <>
                    {g.where === 'cluster' ? g.cluster : t(g.where)}{' '}
                    {g.except && t('except', { name: g.except })}
                </>
            ),
        },
        { title: t('was'), by: g => g.was, cell: g => g.was ?? t('nobody') },
        { title: t('becomes'), by: g => g.becomes, cell: g => g.becomes ?? t('nobody') },
        { title: t('strings'), by: g => g.strings, cell: g => number(g.strings), right: true },
        { title: t('examples'), cell: g => <code>{g.examples.join(' ')}</code> },
    ];
    return (
        <Table
            caption={t('targets')}
            columns={columns}
            rows={props.rows}
            none={t('same')}
            each={10}
            keyOf={g => `${g.where} ${g.cluster} ${g.was} ${g.becomes} ${g.except}`}
        />
    );
}

/* "180 of 181" */
function shrinksOf(text: string): string {
    const [n = '', of = ''] = text.split(' of ');
    return t('shrinks', { n: number(Number(n)), of: number(Number(of)) });
}

/* What a change would do: what --dry-run says. */
export function Preview(props: { would: Would }) {
    const w = props.would;
    const columns: Column<Would['entries'][number]>[] = [
        { title: t('what'), by: e => e.what, cell: e => <WhatChip what={e.what} /> },
        { title: t('kind'), by: e => e.kind, cell: e => e.kind },
        { title: t('key'), by: e => e.key, cell: e => <code>{e.key}</code> },
        { title: t('failover'), by: e => e.failover, cell: e => e.failover || '–' },
        { title: t('source'), by: e => e.source, cell: e => e.source },
        {
            title: t('was'),
            cell: e => (e.was ? `${e.was.failover || '–'} (${e.was.source})` : ''),
        },
    ];
    if (w.added + w.removed + w.changed === 0) return <Notice tone="info" title={t('nothing')} />;
    return (
        <>
            <p>
                <Counts of={w} />{' '}
                {w.unchanged > 0 && (
                    <Chip tone="plain">{t('n-unchanged', { n: number(w.unchanged) })}</Chip>
                )}
            </p>
            {w.shrinks && <Notice tone="warn" title={shrinksOf(w.shrinks)} />}
            <h3>{t('targets')}</h3>
            <Groups rows={w.targets} />
            {w.by_example > 0 && <p class="hint">{t('by-example')}</p>}
            {w.not_listed > 0 && <p class="hint">{t('not-listed', { n: number(w.not_listed) })}</p>}
            <h3>{t('first-ones')}</h3>
            <Table
                caption={t('first-ones')}
                columns={columns}
                rows={w.entries}
                each={10}
                keyOf={e => `${e.what} ${e.kind} ${e.key}`}
            />
        </>
    );
}

export function DoneNotice(props: { done: Changed }) {
    const d = props.done;
    return (
        <Notice
            tone="good"
            live
            title={
                d.number === null
                    ? t('none')
                    : d.added + d.removed + d.changed === 0
                      ? t('done-n', { n: d.number })
                      : t('done', {
                            added: number(d.added),
                            removed: number(d.removed),
                            changed: number(d.changed),
                            n: d.number,
                        })
            }
        />
    );
}

/* A question that shows first what would come of it. */
export function Tried<T>(props: {
    title: string;
    go: string;
    danger?: boolean;
    dry: () => Promise<Would>;
    work: () => Promise<T>;
    done: (answer: T) => void;
    onEnd: () => void;
    children?: Children;
}) {
    const trying = useDo<Would>();
    const doing = useDo<{ answer: T }>();
    useEffect(() => void trying.run(props.dry), []);
    async function go() {
        const got = await doing.run(async () => ({ answer: await props.work() }));
        if (got === undefined) return;
        props.onEnd();
        props.done(got.answer);
    }
    return (
        <Dialog
            title={props.title}
            go={props.go}
            danger={props.danger}
            busy={doing.busy || trying.done === undefined}
            onGo={() => void go()}
            onCancel={props.onEnd}
        >
            {props.children}
            {trying.busy && <Working text={t('looking')} />}
            <Refused refusal={trying.refusal ?? doing.refusal} />
            {trying.done && <Preview would={trying.done} />}
        </Dialog>
    );
}

/* A refusal of a file: its wrong rows as a table, anything else as any refusal. */
export function RefusedRows(props: { refusal: Refusal | null }) {
    const r = props.refusal;
    if (!r) return null;
    if (r.rows.length === 0) return <Refused refusal={r} />;
    const columns: Column<WrongRow>[] = [
        { title: t('line'), by: w => w.line, cell: w => w.line, right: true },
        { title: t('column'), by: w => w.column, cell: w => w.column ?? '–' },
        {
            title: t('wrong'),
            by: w => w.text,
            cell: w => (
                <>
                    {w.value !== null && (
                        <>
                            <code>{w.value}</code>:{' '}
                        </>
                    )}
                    {said(w.text)}
                </>
            ),
        },
    ];
    return (
        <Notice tone="bad" live title={t('rows')}>
            <Table
                caption={t('rows')}
                columns={columns}
                rows={r.rows}
                each={20}
                keyOf={w => `${w.line} ${w.column} ${w.value} ${w.text}`}
            />
        </Notice>
    );
}

export interface Pages {
    after: string | undefined;
    /* which one it is, from 1 on */
    n: number;
    former: () => void;
    next: (after: string) => void;
}

/* The pages of a list that ilsd gives in pages; with another filter it begins anew. */
export function usePages(filter: unknown): Pages {
    const of = JSON.stringify(filter);
    const [pages, setPages] = useState<{ of: string; after: string[] }>({ of: '', after: [] });
    const after = pages.of === of ? pages.after : [];
    return {
        after: after.at(-1),
        n: after.length + 1,
        former: () => setPages({ of, after: after.slice(0, -1) }),
        next: one => setPages({ of, after: [...after, one] }),
    };
}

/* The order is ilsd's: a page of many sorted by itself would say something that is not so. */
export function unsorted<T>(columns: Column<T>[]): Column<T>[] {
    return columns.map(({ by: _, ...column }) => column);
}

interface Listed {
    after: string | null;
    looked_at: number;
    total: number;
}

export function Turn(props: { pages: Pages; got: Listed; busy: boolean }) {
    const { pages, got } = props;
    const { after } = got;
    return (
        <div class="pager">
            <Button disabled={pages.n === 1} onPress={pages.former}>
                {t('former')}
            </Button>
            <span role="status">
                {t('page', { n: pages.n })} ·{' '}
                {t('looked', { n: number(got.looked_at), total: number(got.total) })}
            </span>
            <Button disabled={!after || props.busy} onPress={() => after && pages.next(after)}>
                {t('next')}
            </Button>
        </div>
    );
}

export const columnsOf = {
    kind: <T extends { kind: string }>(): Column<T> => ({
        title: t('kind'),
        by: e => e.kind,
        cell: e => e.kind,
    }),
    key: <T extends { key: string }>(): Column<T> => ({
        title: t('key'),
        by: e => e.key,
        cell: e => <code>{e.key}</code>,
    }),
    failover: <T extends { failover: string }>(): Column<T> => ({
        title: t('failover'),
        by: e => e.failover,
        cell: e => e.failover || '–',
    }),
    source: <T extends { source: string }>(): Column<T> => ({
        title: t('source'),
        by: e => e.source,
        cell: e => e.source,
    }),
};
