/* audit: who changed what, and when. */
import { Refused, Working } from '../ui/bits';
import { Table, type Column } from '../ui/table';
import { useAsk } from '../ui/use';
import { when, words } from '../words';

const t = words(
    { table: 'Audit', time: 'Time', who: 'Who', what: 'What', none: 'Nothing was changed yet.' },
    { table: '監査', time: '日時', who: '操作者', what: '操作', none: '変更はまだありません。' },
);

interface Entry {
    time: string;
    who: string;
    what: string;
}

export function Audit() {
    const asked = useAsk<Entry[]>('audit', { max: 1000 });
    const columns: Column<Entry>[] = [
        { title: t('time'), by: e => e.time, cell: e => when(e.time) },
        { title: t('who'), by: e => e.who, cell: e => e.who },
        { title: t('what'), by: e => e.what, cell: e => <code>{e.what}</code> },
    ];
    return (
        <>
            <Refused refusal={asked.refusal} />
            {asked.data === undefined && asked.busy && <Working />}
            {asked.data && (
                <Table
                    caption={t('table')}
                    columns={columns}
                    rows={asked.data}
                    filter
                    none={t('none')}
                    keyOf={e => `${e.time} ${e.who} ${e.what}`}
                />
            )}
        </>
    );
}
