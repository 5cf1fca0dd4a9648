/* doctor_finding: what the doctor makes of an attempt to join: code, cause, what decides it, and
 * what mends it where; the lines of both ends side by side. */
import { Advice, adviceOn, Marked } from '../advice';
import { said } from '../said';
import { Chip, Command, Notice } from '../ui/bits';
import { words } from '../words';

const t = words(
    {
        'outcome-joined': 'joined',
        'outcome-refused': 'refused',
        'outcome-ended': 'ended',
        'outcome-test': 'a live test from elsewhere',
        'outcome-unknown': 'not explained',
        'stage-nothing': 'nothing was seen of it',
        'stage-dialled': 'dialled',
        'stage-connected': 'connected',
        'stage-certificate': 'at the certificate',
        'stage-accepted': 'certificate accepted',
        'stage-password': 'at the password',
        'stage-established': 'established',
        'sure-certain': 'certain',
        'sure-likely': 'likely',
        'sure-unclear': 'unclear',
        method: 'Method',
        'method-1': 'password',
        'method-2': 'self-signed TLS certificates',
        'method-3': 'TLS certificates with a common root',
        'method-4': 'TLS certificates and password',
        stage: 'How far it came',
        scenario: 'Scenario',
        same: 'looks like {rows}',
        also: 'Or',
        error: 'OpenSSL',
        certificate: 'Certificate',
        said: 'Said no',
        C: 'the dialling end',
        S: 'the dialled end',
        '?': 'one of the ends',
        do: 'What mends it',
        menu: 'In the original:',
        look: 'What would make it certain',
        contradicts: 'The two traces contradict each other.',
        paired: 'Both ends are given; they were paired by {how}.',
        'by-address': 'address and port',
        'by-time': 'time',
        dialling: 'Lines of the dialling end',
        dialled: 'Lines of the dialled end',
        unknown: 'Lines of which it is not known whose they are',
        absent: 'No trace of this end is given.',
        line: 'line {n}',
        decides: 'decides',
        left: '{n} further lines are left out.',
    },
    {
        'outcome-joined': '参加',
        'outcome-refused': '拒否',
        'outcome-ended': '終了',
        'outcome-test': '他からのライブテスト',
        'outcome-unknown': '説明不能',
        'stage-nothing': '記録なし',
        'stage-dialled': '発信',
        'stage-connected': '接続',
        'stage-certificate': '証明書の検証',
        'stage-accepted': '証明書の承認',
        'stage-password': 'パスワードの検証',
        'stage-established': '確立',
        'sure-certain': '確実',
        'sure-likely': 'おそらく',
        'sure-unclear': '不明確',
        method: '方式',
        'method-1': 'パスワード',
        'method-2': '自己署名の TLS 証明書',
        'method-3': '共通のルートによる TLS 証明書',
        'method-4': 'TLS 証明書とパスワード',
        stage: '到達段階',
        scenario: 'シナリオ',
        same: '{rows} と同じ記録',
        also: 'または',
        error: 'OpenSSL',
        certificate: '証明書',
        said: '拒否した側',
        C: '発信側',
        S: '着信側',
        '?': 'どちらかの側',
        do: '対処',
        menu: '元の製品では:',
        look: '確実にするために必要なもの',
        contradicts: '2 つのトレースは互いに矛盾しています。',
        paired: '両側のトレースがあり、{how}で対応付けられました。',
        'by-address': 'アドレスとポート',
        'by-time': '時刻',
        dialling: '発信側の行',
        dialled: '着信側の行',
        unknown: 'どちら側か不明な行',
        absent: 'この側のトレースはありません。',
        line: '{n} 行目',
        decides: '決め手',
        left: 'ほかに {n} 行あります。',
    },
);

export interface Evidence {
    id: string;
    end: 'C' | 'S' | null;
    file: string;
    line: number;
    time: string;
    decides: boolean;
    text: string;
}

interface End {
    connection: number | null;
    host: string | null;
    peer: string | null;
    local: string | null;
    verdict_id: string | null;
    verdict_code: string | null;
}

export interface Finding {
    scenario: string | null;
    same: string[];
    method: number | null;
    tls: boolean | null;
    outcome: 'joined' | 'refused' | 'ended' | 'test' | 'unknown';
    stage: string;
    code: string | null;
    also: string | null;
    cause: string;
    certainty: 'certain' | 'likely' | 'unclear';
    contradicts: boolean;
    end: 'C' | 'S' | null;
    remedy: {
        at: 'C' | 'S' | null;
        where: string;
        command: string;
        how: string;
        menu: string;
    } | null;
    look_for: { lines: string[]; end: 'C' | 'S' | null; text: string } | null;
    error: { number: number; text: string | null } | null;
    certificate_name: string | null;
    pairing: 'address' | 'time' | 'none';
    ends: { C: End | null; S: End | null; unknown: End | null };
    evidence: Evidence[];
    evidence_left_out?: number;
}

const STAGES = [
    'nothing',
    'dialled',
    'connected',
    'certificate',
    'accepted',
    'password',
    'established',
] as const;
const METHODS = [1, 2, 3, 4] as const;

function stageWords(stage: string): string {
    const known = STAGES.find(s => s === stage);
    return known ? t(`stage-${known}`) : stage;
}

function methodOf(f: Finding): string | null {
    const known = METHODS.find(m => m === f.method);
    return known ? t(`method-${known}`) : f.tls === null ? null : f.tls ? 'TLS' : t('method-1');
}

/* In a word, for a list of many. */
export function titleOf(f: Finding): string {
    const ends = [f.ends.C ?? f.ends.S ?? f.ends.unknown];
    return ends.map(e => (e ? `${e.local ?? '?'} – ${e.peer ?? e.host ?? '?'}` : '')).join('');
}

export function Outcome(props: { f: Finding }) {
    const f = props.f;
    const good = f.outcome === 'joined' || f.outcome === 'test';
    const tone = good ? 'good' : f.outcome === 'refused' ? 'bad' : 'warn';
    return (
        <Chip tone={tone}>
            {f.code} {t(`outcome-${f.outcome}`)}
        </Chip>
    );
}

function Fact(props: { name: string; value: string | null }) {
    if (!props.value) return null;
    return (
        <>
            <dt>{props.name}</dt>
            <dd>{props.value}</dd>
        </>
    );
}

function Facts(props: { f: Finding }) {
    const f = props.f;
    const same = f.same.filter(s => s !== f.scenario).join(', ');
    const scenario = [f.scenario, same && t('same', { rows: same })].filter(Boolean).join(' · ');
    const error = f.error ? `${f.error.number} ${f.error.text ?? ''}` : null;
    return (
        <dl class="facts">
            <Fact name={t('stage')} value={stageWords(f.stage)} />
            <Fact name={t('method')} value={methodOf(f)} />
            <Fact name={t('said')} value={f.outcome === 'refused' ? t(f.end ?? '?') : null} />
            <Fact name={t('scenario')} value={scenario} />
            <Fact name={t('also')} value={f.also} />
            <Fact name={t('certificate')} value={f.certificate_name} />
            <Fact name={t('error')} value={error} />
        </dl>
    );
}

function Cure(props: { f: Finding }) {
    const remedy = props.f.remedy;
    if (!remedy) return null;
    return (
        <Notice tone="info" title={t('do')}>
            <p>
                {remedy.where ? <Marked text={said(remedy.where)} /> : t(remedy.at ?? '?')}
                {remedy.command && (
                    <>
                        {': '}
                        <Command text={remedy.command} />
                    </>
                )}
            </p>
            {remedy.how && (
                <p>
                    <Marked text={said(remedy.how)} />
                </p>
            )}
            {remedy.menu && (
                <p>
                    {t('menu')} {said(remedy.menu)}
                </p>
            )}
        </Notice>
    );
}

function Lines(props: { title: string; lines: Evidence[] }) {
    if (props.lines.length === 0)
        return (
            <div>
                <h4>{props.title}</h4>
                <p class="none">{t('absent')}</p>
            </div>
        );
    return (
        <div>
            <h4>{props.title}</h4>
            <div class="trace-roll mono" tabIndex={0} role="group" aria-label={props.title}>
                {props.lines.map(e => (
                    <div
                        key={`${e.file} ${e.line} ${e.id}`}
                        class={e.decides ? 'trace-line at-decides' : 'trace-line'}
                        title={`${e.file}, ${t('line', { n: e.line })}`}
                    >
                        <span class="sign">{e.decides ? '▶' : ''}</span>
                        <span>
                            {e.decides && <span class="unseen">{t('decides')}: </span>}
                            {e.text}
                            {adviceOn('line', e.id) !== '' && (
                                <span class="told">
                                    {e.id}: <Advice kind="line" name={e.id} />
                                </span>
                            )}
                        </span>
                    </div>
                ))}
            </div>
        </div>
    );
}

function Sides(props: { f: Finding }) {
    const { evidence, evidence_left_out: left } = props.f;
    const unknown = evidence.filter(e => e.end === null);
    return (
        <>
            <div class="two">
                <Lines title={t('dialling')} lines={evidence.filter(e => e.end === 'C')} />
                <Lines title={t('dialled')} lines={evidence.filter(e => e.end === 'S')} />
            </div>
            {unknown.length > 0 && <Lines title={t('unknown')} lines={unknown} />}
            {left ? <p class="hint">{t('left', { n: left })}</p> : null}
        </>
    );
}

/* What the guide says of the code. */
function Code(props: { code: string }) {
    const number = props.code.replace('ILS-', '');
    if (adviceOn('code', number) === '') return null;
    return (
        <p>
            <Advice kind="code" name={number} />
        </p>
    );
}

export function OneFinding(props: { f: Finding }) {
    const f = props.f;
    const good = f.outcome === 'joined' || f.outcome === 'test';
    const pairing = f.pairing === 'none' ? null : t(`by-${f.pairing}`);
    return (
        <>
            <Notice
                tone={good ? 'good' : f.certainty === 'unclear' ? 'warn' : 'bad'}
                title={[f.code, said(f.cause)].filter(Boolean).join(' · ')}
            >
                <p>
                    <Chip tone={f.certainty === 'certain' ? 'good' : 'warn'}>
                        {t(`sure-${f.certainty}`)}
                    </Chip>{' '}
                    {pairing && t('paired', { how: pairing })} {f.contradicts && t('contradicts')}
                </p>
                <Facts f={f} />
            </Notice>
            <Cure f={f} />
            {!good && f.code && <Code code={f.code} />}
            {f.look_for && (
                <Notice tone="warn" title={t('look')}>
                    <p>
                        <Marked text={said(f.look_for.text)} />
                    </p>
                </Notice>
            )}
            <Sides f={f} />
        </>
    );
}
