/* plan_duplicates: what two clusters announce, who wins, and the order in which clusters are
 * preferred. */
import { useState } from 'preact/hooks';
import { ask, session } from '../api';
import { clusters, status } from '../live';
import { said } from '../said';
import { Button, None, Refused, Section, Select, Working } from '../ui/bits';
import { Table, type Column } from '../ui/table';
import { useAgain, useAsk, useDo } from '../ui/use';
import { number, words } from '../words';
import type { Shown } from './index';

const t = words(
    {
        title: 'Duplicates',
        none: 'No two clusters announce the same.',
        scanning: '{n} plans are yet to be looked through.',
        winner: 'Answers',
        loser: 'Does not',
        count: 'Entries',
        example: 'For example',
        rule: 'Why',
        why: 'Why',
        order: 'Preference',
        'order-text': 'Of two that announce the same, the one further up answers.',
        'none-order': 'There is no order: other rules decide.',
        up: 'Up',
        remove: 'Remove',
        add: 'Add a cluster',
        'add-go': 'Add',
        save: 'Save the order',
    },
    {
        title: '重複',
        none: '同じものをアドバタイズするクラスタはありません。',
        scanning: '未確認のプランが {n} 件あります。',
        winner: '応答する側',
        loser: '応答しない側',
        count: 'エントリ数',
        example: '例',
        rule: '理由',
        why: '理由',
        order: '優先順位',
        'order-text': '同じものをアドバタイズするクラスタのうち、上にあるものが応答します。',
        'none-order': '優先順位はありません。他の規則で決まります。',
        up: '上へ',
        remove: '除外',
        add: 'クラスタの追加',
        'add-go': '追加',
        save: '順位を保存',
    },
);

interface Duplicate {
    winner: string;
    loser: string;
    count: number;
    kind: string;
    example: string;
    rule: string;
    next: string;
}

interface Answer {
    duplicates: Duplicate[];
    preferred: string[];
    scanning: number;
}

function Order(props: { now: string[]; admin: boolean; done: () => void }) {
    const [changed, setChanged] = useState<string[] | null>(null);
    const [next, setNext] = useState('');
    const doing = useDo<boolean>();
    const order = changed ?? props.now;
    const left = clusters.value.filter(c => !c.local && !order.includes(c.name)).map(c => c.name);
    const add = left.includes(next) ? next : (left[0] ?? '');
    const up = (i: number) =>
        setChanged([...order.slice(0, i - 1), order[i]!, order[i - 1]!, ...order.slice(i + 1)]);

    async function save() {
        const good = await doing.run(() =>
            ask('duplicates prefer', { clusters: order }).then(() => true),
        );
        if (!good) return;
        setChanged(null);
        props.done();
    }
    return (
        <Section title={t('order')}>
            <p>{t('order-text')}</p>
            {order.length === 0 && <None text={t('none-order')} />}
            <ol>
                {order.map((name, i) => (
                    <li key={name}>
                        {name}{' '}
                        {props.admin && (
                            <span class="both">
                                <Button
                                    disabled={i === 0}
                                    label={`${t('up')}: ${name}`}
                                    onPress={() => up(i)}
                                >
                                    {t('up')}
                                </Button>
                                <Button
                                    label={`${t('remove')}: ${name}`}
                                    onPress={() => setChanged(order.filter(o => o !== name))}
                                >
                                    {t('remove')}
                                </Button>
                            </span>
                        )}
                    </li>
                ))}
            </ol>
            {props.admin && (
                <>
                    {left.length > 0 && (
                        <p class="both">
                            <Select
                                id="prefer-add"
                                label={t('add')}
                                value={add}
                                onChange={setNext}
                                options={left.map(name => [name, name])}
                            />
                            <Button onPress={() => setChanged([...order, add])}>
                                {t('add-go')}
                            </Button>
                        </p>
                    )}
                    <Refused refusal={doing.refusal} />
                    <div class="actions">
                        <Button
                            kind="main"
                            disabled={changed === null || doing.busy}
                            onPress={() => void save()}
                        >
                            {t('save')}
                        </Button>
                    </div>
                </>
            )}
        </Section>
    );
}

export function Duplicates(_: Shown) {
    const asked = useAsk<Answer>('duplicates');
    useAgain(asked.again, status.value?.duplicates);
    const got = asked.data;
    const columns: Column<Duplicate>[] = [
        { title: t('winner'), by: d => d.winner, cell: d => <strong>{d.winner}</strong> },
        { title: t('loser'), by: d => d.loser, cell: d => d.loser },
        { title: t('count'), by: d => d.count, cell: d => number(d.count), right: true },
        {
            title: t('example'),
            by: d => d.example,
            cell: d => (
                <>
                    {d.kind}{' '}
                    <a href={`#/plan?tab=why&dialled=${encodeURIComponent(d.example)}`}>
                        {d.example}
                    </a>
                </>
            ),
        },
        { title: t('rule'), by: d => d.rule, cell: d => said(d.rule) },
    ];
    return (
        <>
            <Section title={t('title')}>
                <Refused refusal={asked.refusal} />
                {got === undefined && asked.busy && <Working />}
                {got && got.scanning > 0 && (
                    <p class="hint">{t('scanning', { n: number(got.scanning) })}</p>
                )}
                {got && (
                    <Table
                        caption={t('title')}
                        columns={columns}
                        rows={got.duplicates}
                        filter={got.duplicates.length > 10}
                        none={t('none')}
                        keyOf={d => `${d.winner} ${d.loser} ${d.kind} ${d.rule}`}
                    />
                )}
            </Section>
            {got && (
                <Order
                    now={got.preferred}
                    admin={session.value?.role === 'admin'}
                    done={asked.again}
                />
            )}
        </>
    );
}
