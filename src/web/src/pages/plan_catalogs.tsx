/* plan_catalogs: catalogs that a hub imports for those who do not join: its own with their files,
 * and those of other hubs, which it may adopt when their hub is gone. */
import { useState } from 'preact/hooks';
import { ask, session } from '../api';
import { status } from '../live';
import { said } from '../said';
import { Button, Chip, Field, Input, Refused, Section, Select, Working } from '../ui/bits';
import { Act } from '../ui/act';
import { Table, type Column } from '../ui/table';
import { useAgain, useAsk, useDo } from '../ui/use';
import { number, when, words } from '../words';
import type { Shown } from './index';
import { DoneNotice, type Changed } from './plan_bits';
import { ImportBox } from './plan_import';

const t = words(
    {
        title: 'Imported catalogs',
        none: 'No hub of this network imports a catalog.',
        name: 'Name',
        hub: 'Hub',
        own: 'this cluster',
        route: 'Route string',
        description: 'Description',
        entries: 'Entries',
        status: 'Status',
        last: 'Last data',
        action: 'Action',
        remove: 'Remove',
        sure: 'Remove the catalog {name}?',
        'sure-text': 'Its {n} entries go everywhere. It can be taken back in the log.',
        adopt: 'Adopt',
        'adopt-title': 'Adopt the catalog {name} of {hub}?',
        'adopt-text':
            'This hub imports it from now on, with the entries as they were learned. For a hub ' +
            'that is gone.',
        add: 'Add a catalog',
        'add-go': 'Add',
        import: 'Import its file',
        which: 'Catalog',
    },
    {
        title: 'インポート済みカタログ',
        none: 'カタログをインポートしているハブはありません。',
        name: '名前',
        hub: 'ハブ',
        own: 'このクラスタ',
        route: 'ルート文字列',
        description: '説明',
        entries: 'エントリ数',
        status: '状態',
        last: '最終データ',
        action: '操作',
        remove: '削除',
        sure: 'カタログ {name} を削除しますか?',
        'sure-text': '{n} 件のエントリがすべてのクラスタから削除されます。ログから取り消せます。',
        adopt: '引き継ぐ',
        'adopt-title': '{hub} のカタログ {name} を引き継ぎますか?',
        'adopt-text':
            '学習済みのエントリを含め、以後このハブが管理します。なくなったハブのための操作です。',
        add: 'カタログの追加',
        'add-go': '追加',
        import: 'ファイルのインポート',
        which: 'カタログ',
    },
);

interface Catalog {
    name: string;
    cluster: string;
    local: boolean;
    route_string: string;
    description: string | null;
    entries: number;
    peer_id: string;
    stream: number;
    status: string;
    last_usn_data_received: string | null;
}

type Done = (d: Changed) => void;

function Add(props: { done: Done }) {
    const [name, setName] = useState('');
    const [route, setRoute] = useState('');
    const [description, setDescription] = useState('');
    const doing = useDo<Changed>();
    async function add(event: Event) {
        event.preventDefault();
        const got = await doing.run(() =>
            ask('catalog add', { name, route_string: route, description }),
        );
        if (got === undefined) return;
        setName('');
        setRoute('');
        setDescription('');
        props.done(got);
    }
    return (
        <Section title={t('add')}>
            <form onSubmit={e => void add(e)}>
                <Field label={t('name')} for="catalog-name">
                    <Input id="catalog-name" value={name} onChange={setName} required />
                </Field>
                <Field label={t('route')} for="catalog-route">
                    <Input id="catalog-route" value={route} onChange={setRoute} required />
                </Field>
                <Field label={t('description')} for="catalog-description">
                    <Input id="catalog-description" value={description} onChange={setDescription} />
                </Field>
                <Refused refusal={doing.refusal} />
                <div class="actions">
                    <Button submit kind="main" disabled={doing.busy}>
                        {t('add-go')}
                    </Button>
                </div>
            </form>
        </Section>
    );
}

function Actions(props: { of: Catalog; done: Done }) {
    const { of } = props;
    if (of.local)
        return (
            <Act
                label={t('remove')}
                of={of.name}
                title={t('sure', { name: of.name })}
                danger
                work={() => ask<Changed>('catalog remove', { name: of.name })}
                done={props.done}
            >
                <p>{t('sure-text', { n: number(of.entries) })}</p>
            </Act>
        );
    if (status.value?.role !== 'Hub') return null;
    return (
        <Act
            label={t('adopt')}
            of={`${of.name} ${of.cluster}`}
            title={t('adopt-title', { name: of.name, hub: of.cluster })}
            work={() =>
                ask<Changed>('catalog adopt', {
                    name: of.name,
                    from: of.cluster,
                    description: of.description ?? undefined,
                })
            }
            done={props.done}
        >
            <p>{t('adopt-text')}</p>
        </Act>
    );
}

function ImportInto(props: { names: string[]; done: () => void }) {
    const [name, setName] = useState('');
    const which = props.names.includes(name) ? name : (props.names[0] ?? '');
    return (
        <Section title={t('import')}>
            <Field label={t('which')} for="catalog-which">
                <Select
                    id="catalog-which"
                    value={which}
                    onChange={setName}
                    options={props.names.map(n => [n, n])}
                />
            </Field>
            <ImportBox words="catalog import" args={{ name: which }} ready done={props.done} />
        </Section>
    );
}

export function Catalogs(_: Shown) {
    const asked = useAsk<Catalog[]>('catalog list');
    const [done, setDone] = useState<Changed | null>(null);
    useAgain(asked.again, status.value);
    const admin = session.value?.role === 'admin';
    const rows = asked.data ?? [];
    const own = rows.filter(c => c.local).map(c => c.name);
    function changed(d: Changed) {
        setDone(d);
        asked.again();
    }
    const columns: Column<Catalog>[] = [
        { title: t('name'), by: c => c.name, cell: c => <strong>{c.name}</strong> },
        {
            title: t('hub'),
            by: c => c.cluster,
            cell: c => (c.local ? t('own') : c.cluster),
        },
        { title: t('route'), by: c => c.route_string, cell: c => c.route_string },
        { title: t('description'), by: c => c.description, cell: c => c.description ?? '–' },
        { title: t('entries'), by: c => c.entries, cell: c => number(c.entries), right: true },
        {
            title: t('status'),
            by: c => c.status,
            cell: c => (
                <Chip tone={c.status === 'Up to date' ? 'good' : 'info'}>{said(c.status)}</Chip>
            ),
        },
        {
            title: t('last'),
            by: c => c.last_usn_data_received,
            cell: c => when(c.last_usn_data_received),
        },
    ];
    if (admin) columns.push({ title: t('action'), cell: c => <Actions of={c} done={changed} /> });
    return (
        <>
            {done && <DoneNotice done={done} />}
            <Section title={t('title')}>
                <Refused refusal={asked.refusal} />
                {asked.data === undefined && asked.busy && <Working />}
                {asked.data && (
                    <Table
                        caption={t('title')}
                        columns={columns}
                        rows={rows}
                        filter={rows.length > 10}
                        none={t('none')}
                        keyOf={c => `${c.peer_id} ${c.stream}`}
                    />
                )}
            </Section>
            {admin && <Add done={changed} />}
            {admin && own.length > 0 && <ImportInto names={own} done={asked.again} />}
        </>
    );
}
