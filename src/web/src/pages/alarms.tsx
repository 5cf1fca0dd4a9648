/* alarms: what is wrong now, each with what is done about it, as far as that is known, and with the
 * attempt to join that raised it; and what was. */
import { Advice, adviceOn } from '../advice';
import { alarms, status, verdicts } from '../live';
import { Remedy } from '../remedy';
import { said } from '../said';
import { Chip, Notice, Section, type Tone } from '../ui/bits';
import { Table, type Column } from '../ui/table';
import type { Alarm, Verdict } from '../types';
import { number, when, words } from '../words';

const t = words(
    {
        now: 'What is wrong now',
        quiet: 'No alarm is active.',
        table: 'All alarms',
        times: '{severity}; count {n}; first {first}, last {last}',
        error: 'error',
        warning: 'warning',
        critical: 'critical',
        attempt: 'The attempt, with its lines of the trace',
        trace: 'Lines of the trace that name it',
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
        now: '現在の問題',
        quiet: '発生中のアラームはありません。',
        table: 'すべてのアラーム',
        times: '{severity}、{n} 回、最初 {first}、最後 {last}',
        error: 'エラー',
        warning: '警告',
        critical: '重大',
        attempt: '原因となった試みとトレースの行',
        trace: '関連するトレースの行',
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

const SEVERITIES = ['error', 'warning', 'critical'] as const;

function severityWords(severity: string): string {
    const known = SEVERITIES.find(s => s === severity);
    return known ? t(known) : severity;
}

function tone(a: Alarm): Tone | 'plain' {
    if (!a.active) return 'plain';
    return a.severity === 'error' || a.severity === 'critical' ? 'bad' : 'warn';
}

const KNOWN = new Set('name severity count first last active text entries example'.split(' '));

/* What it is about: an address, a cluster, a port, whatever its parameter is. */
function subjectOf(a: Alarm): string {
    const [, value] = Object.entries(a).find(([key]) => !KNOWN.has(key)) ?? [];
    return value == null ? '' : String(value);
}

/* An address with its port, or without. */
function isAt(address: string | null, subject: string): boolean {
    return address !== null && (address === subject || address.startsWith(`${subject}:`));
}

/* The newest refusal that is about the same: its alarms name an address or a name. */
function verdictOf(a: Alarm): Verdict | undefined {
    const subject = subjectOf(a);
    if (subject === '' || /^\d+$/.test(subject)) return undefined;
    return verdicts.value.find(
        v =>
            v.code !== 'ILS-100' &&
            (isAt(v.address, subject) ||
                isAt(v.host, subject) ||
                [v.certificate_name, v.peer_name].includes(subject)),
    );
}

function Cure(props: { alarm: Alarm; verdict: Verdict | undefined }) {
    const { alarm, verdict } = props;
    const s = status.value;
    if (s?.next && s.cause === alarm.text) return <Remedy text={s.next} at={s.next_at} />;
    if (!verdict?.remedy) return null;
    return (
        <>
            {verdict.code}: <Remedy text={verdict.remedy} at={verdict.remedy_at} />
        </>
    );
}

function Active(props: { alarm: Alarm }) {
    const a = props.alarm;
    const verdict = verdictOf(a);
    const subject = subjectOf(a);
    return (
        <Notice tone={tone(a) === 'bad' ? 'bad' : 'warn'} title={said(a.text)}>
            <p>
                <code>{a.name}</code>{' '}
                {t('times', {
                    severity: severityWords(a.severity),
                    n: number(a.count),
                    first: when(a.first),
                    last: when(a.last),
                })}
            </p>
            <p>
                <Cure alarm={a} verdict={verdict} />
            </p>
            {adviceOn('alarm', a.name) !== '' && (
                <p>
                    <Advice kind="alarm" name={a.name} />
                </p>
            )}
            <p>
                {verdict ? (
                    <a href={`#/trace?tab=attempts&verdict=${verdict.verdict_id}`}>
                        {t('attempt')}
                    </a>
                ) : (
                    subject !== '' && (
                        <a href={`#/trace?text=${encodeURIComponent(subject)}`}>{t('trace')}</a>
                    )
                )}
            </p>
        </Notice>
    );
}

export function Alarms() {
    const active = alarms.value.filter(a => a.active);
    const columns: Column<Alarm>[] = [
        {
            title: t('state'),
            by: a => (a.active ? 0 : 1),
            cell: a => <Chip tone={tone(a)}>{a.active ? t('active') : t('over')}</Chip>,
        },
        { title: t('name'), by: a => a.name, cell: a => <code>{a.name}</code> },
        { title: t('severity'), by: a => a.severity, cell: a => severityWords(a.severity) },
        { title: t('text'), by: a => a.text, cell: a => said(a.text) },
        { title: t('count'), by: a => a.count, cell: a => number(a.count), right: true },
        { title: t('first'), by: a => a.first, cell: a => when(a.first) },
        { title: t('last'), by: a => a.last, cell: a => when(a.last) },
    ];
    return (
        <>
            <Section title={t('now')}>
                {active.length === 0 && <Notice tone="good" title={t('quiet')} />}
                {active.map(a => (
                    <Active key={`${a.name} ${subjectOf(a)}`} alarm={a} />
                ))}
            </Section>
            <Section title={t('table')}>
                <Table
                    caption={t('table')}
                    columns={columns}
                    rows={alarms.value}
                    filter={alarms.value.length > 10}
                    none={t('none')}
                    keyOf={a => `${a.name} ${a.first} ${a.text}`}
                />
            </Section>
        </>
    );
}
