/* alarms: what is wrong now, and what was. */
import { alarms } from '../live';
import { said } from '../said';
import { Chip, type Tone } from '../ui/bits';
import { Table, type Column } from '../ui/table';
import type { Alarm } from '../types';
import { number, when, words } from '../words';

const t = words(
    {
        table: 'Alarms',
        none: 'No alarm was ever raised.',
        name: 'Alarm',
        state: 'State',
        active: 'active',
        over: 'over',
        severity: 'Severity',
        text: 'What is wrong',
        count: 'Count',
        first: 'First',
        last: 'Last',
    },
    {
        table: 'アラーム',
        none: 'アラームは発生していません。',
        name: 'アラーム',
        state: '状態',
        active: '発生中',
        over: '解消',
        severity: '重大度',
        text: '内容',
        count: '回数',
        first: '最初',
        last: '最後',
    },
);

function tone(a: Alarm): Tone | 'plain' {
    if (!a.active) return 'plain';
    return a.severity === 'error' || a.severity === 'critical' ? 'bad' : 'warn';
}

export function Alarms() {
    const columns: Column<Alarm>[] = [
        {
            title: t('state'),
            by: a => (a.active ? 0 : 1),
            cell: a => <Chip tone={tone(a)}>{a.active ? t('active') : t('over')}</Chip>,
        },
        { title: t('name'), by: a => a.name, cell: a => <code>{a.name}</code> },
        { title: t('severity'), by: a => a.severity, cell: a => said(a.severity) },
        { title: t('text'), by: a => a.text, cell: a => said(a.text) },
        { title: t('count'), by: a => a.count, cell: a => number(a.count), right: true },
        { title: t('first'), by: a => a.first, cell: a => when(a.first) },
        { title: t('last'), by: a => a.last, cell: a => when(a.last) },
    ];
    return (
        <Table
            caption={t('table')}
            columns={columns}
            rows={alarms.value}
            filter
            none={t('none')}
            keyOf={a => `${a.name} ${a.first} ${a.text}`}
        />
    );
}
