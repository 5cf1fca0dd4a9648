/* doctor_live: the way to a cluster or host tested now, step by step: each step is told as it is
 * done. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { follow } from '../api';
import { Remedy } from '../remedy';
import { said } from '../said';
import { Button, Chip, Field, Input, Notice, Refused, Section, Working } from '../ui/bits';
import { useDo } from '../ui/use';
import { words } from '../words';

const t = words(
    {
        title: 'Test the way to a cluster now',
        target: 'Cluster or host',
        hint: 'A cluster id, a name or an address, with :PORT or without.',
        test: 'Test',
        testing: 'Testing…',
        well: 'Nothing failed.',
        ill: 'Something failed: see the steps.',
        good: 'good',
        bad: 'failed',
        told: 'told',
        resolve: 'resolve',
        certificate: 'certificate',
        name: 'name',
        dates: 'dates',
        hello: 'hello',
        proof: 'proof',
        met: 'met',
        password: 'password',
        verdict: 'verdict',
        note:
            'The other end sees a connection that ends with a goodbye (ILS-415); a password that ' +
            'differs counts there as in a join.',
    },
    {
        title: 'クラスタへの経路を今すぐテスト',
        target: 'クラスタまたはホスト',
        hint: 'クラスタ ID、名前またはアドレス。:ポート を付けることもできます。',
        test: 'テスト',
        testing: 'テストしています…',
        well: '問題は見つかりませんでした。',
        ill: '失敗した項目があります。各手順を確認してください。',
        good: '成功',
        bad: '失敗',
        told: '情報',
        resolve: '名前解決',
        certificate: '証明書',
        name: '名前の照合',
        dates: '日付と時計',
        hello: '相手の応答',
        proof: 'パスワードの照合',
        met: '面識',
        password: 'パスワード',
        verdict: '判定',
        note:
            '相手側には、挨拶して終わる接続(ILS-415)として見えます。パスワードが異なる場合は、' +
            '参加の失敗と同じように数えられます。',
    },
);

interface Step {
    step: string;
    ok: boolean | null;
    text: string;
    next: string | null;
    next_at: string;
}

interface Tested {
    well: boolean;
    steps: Step[];
}

const STEPS = [
    'resolve',
    'certificate',
    'name',
    'dates',
    'hello',
    'proof',
    'met',
    'password',
    'verdict',
] as const;

/* Ports and protocols are called alike everywhere. */
function stepWords(step: string): string {
    const known = STEPS.find(s => s === step);
    return known ? t(known) : step;
}

function Steps(props: { steps: Step[] }) {
    return (
        <ol class="steps" aria-live="polite">
            {props.steps.map((s, i) => (
                <li key={`${i} ${s.step}`}>
                    <Chip tone={s.ok === null ? 'plain' : s.ok ? 'good' : 'bad'}>
                        {s.ok === null ? t('told') : s.ok ? t('good') : t('bad')}
                    </Chip>{' '}
                    <strong>{stepWords(s.step)}</strong> {said(s.text)}
                    {s.next && (
                        <div>
                            <Remedy text={s.next} at={s.next_at} />
                        </div>
                    )}
                </li>
            ))}
        </ol>
    );
}

export function LiveTest(props: { target: string }) {
    const [target, setTarget] = useState(props.target);
    const [steps, setSteps] = useState<Step[]>([]);
    const doing = useDo<Tested>();
    const end = useRef<AbortController | null>(null);
    useEffect(() => () => end.current?.abort(), []);

    function go(event: Event) {
        event.preventDefault();
        const abort = new AbortController();
        end.current = abort;
        setSteps([]);
        const take = (line: Record<string, unknown>) =>
            line.step && setSteps(s => [...s, line.step as Step]);
        void doing.run(async () => {
            const { result } = await follow<Tested>('diagnose', { target }, take, abort.signal);
            return result;
        });
    }

    return (
        <Section title={t('title')}>
            <form onSubmit={go}>
                <Field label={t('target')} for="target" hint={t('hint')}>
                    <Input id="target" value={target} onChange={setTarget} required hinted />
                </Field>
                <p class="hint">{t('note')}</p>
                <div class="actions">
                    <Button submit kind="main" disabled={doing.busy}>
                        {t('test')}
                    </Button>
                </div>
            </form>
            {steps.length > 0 && <Steps steps={steps} />}
            {doing.busy && <Working text={t('testing')} />}
            {doing.done && (
                <Notice
                    tone={doing.done.well ? 'good' : 'bad'}
                    live
                    title={doing.done.well ? t('well') : t('ill')}
                />
            )}
            <Refused refusal={doing.refusal} />
        </Section>
    );
}
