/* audit: who changed what, and when: asked for a page at a time, and searched by ilsd, which keeps
 * far more than a page can hold. */
import { useState } from 'preact/hooks';
import { Button, Field, Input, Refused, Working } from '../ui/bits';
import { Table, type Column } from '../ui/table';
import { useAsk } from '../ui/use';
import { number, when, words } from '../words';

const t = words(
    {
        table: 'Audit',
        time: 'Time',
        who: 'Who',
        what: 'What',
        none: 'Nothing was changed.',
        search: 'Part of who or what',
        find: 'Search',
        again: 'Newest',
        former: 'Newer',
        next: 'Older',
        page: 'Page {n}',
    },
    {
        table: '監査',
        time: '日時',
        who: '操作者',
        what: '操作',
        none: '変更はありません。',
        search: '操作者または操作の一部',
        find: '検索',
        again: '最新',
        former: '新しい方へ',
        next: '古い方へ',
        page: '{n} ページ',
    },
);

interface Entry {
    time: string;
    who: string;
    what: string;
    id: string;
}

const EACH = 50;

/* The ids where the pages before this one begin; '' is the newest. */
function Pages(props: { places: string[]; set: (places: string[]) => void; next?: string }) {
    const { places, set, next } = props;
    return (
        <div class="pager">
            <Button disabled={places.length < 2} onPress={() => set([''])}>
                {t('again')}
            </Button>
            <Button disabled={places.length < 2} onPress={() => set(places.slice(0, -1))}>
                {t('former')}
            </Button>
            <span>{t('page', { n: number(places.length) })}</span>
            <Button disabled={!next} onPress={() => next && set([...places, next])}>
                {t('next')}
            </Button>
        </div>
    );
}

export function Audit() {
    const [text, setText] = useState('');
    const [search, setSearch] = useState('');
    const [places, setPlaces] = useState(['']);
    const asked = useAsk<Entry[]>('audit', { max: EACH + 1, before: places.at(-1), search });
    const rows = (asked.data ?? []).slice(0, EACH);
    const more = (asked.data?.length ?? 0) > EACH;
    const columns: Column<Entry>[] = [
        { title: t('time'), cell: e => when(e.time) },
        { title: t('who'), cell: e => e.who },
        { title: t('what'), cell: e => <code>{e.what}</code> },
    ];
    return (
        <>
            <form
                role="search"
                onSubmit={e => {
                    e.preventDefault();
                    setPlaces(['']);
                    setSearch(text.trim());
                    asked.again();
                }}
            >
                <Field label={t('search')} for="audit-search">
                    <Input id="audit-search" type="search" value={text} onChange={setText} />{' '}
                    <Button submit disabled={asked.busy}>
                        {t('find')}
                    </Button>
                </Field>
            </form>
            <Refused refusal={asked.refusal} />
            {asked.data === undefined && asked.busy && <Working />}
            {asked.data && (
                <Table
                    caption={t('table')}
                    columns={columns}
                    rows={rows}
                    none={t('none')}
                    keyOf={e => e.id}
                />
            )}
            {(more || places.length > 1) && (
                <Pages places={places} set={setPlaces} next={more ? rows.at(-1)?.id : undefined} />
            )}
        </>
    );
}
