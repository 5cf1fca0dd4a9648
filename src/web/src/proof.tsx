/* proof: what changes passwords, certificates or trust wants the password of the one who does
 * it, once more; this asks for it, and the request goes on. */
import { signal } from '@preact/signals';
import { useState } from 'preact/hooks';
import { giveProof, proveBy, session } from './api';
import { CodeField } from './factor';
import { Field, Input, Refused } from './ui/bits';
import { Dialog } from './ui/dialog';
import { useDo } from './ui/use';
import { words } from './words';

const t = words(
    {
        title: 'Your password, once more',
        why: 'This changes passwords, certificates, trust or accounts.',
        password: 'Password of {name}',
        go: 'Continue',
    },
    {
        title: 'パスワードの再入力',
        why: 'パスワード、証明書、信頼またはアカウントを変更する操作です。',
        password: '{name} のパスワード',
        go: '続行',
    },
);

const waiting = signal<((good: boolean) => void) | null>(null);

proveBy(
    () =>
        new Promise(done => {
            waiting.value?.(false);
            waiting.value = done;
        }),
);

function Ask(props: { end: (good: boolean) => void }) {
    const [password, setPassword] = useState('');
    const [code, setCode] = useState('');
    const doing = useDo<boolean>();
    async function go() {
        const good = await doing.run(() => giveProof(password, code).then(() => true));
        if (good) props.end(true);
    }
    return (
        <Dialog
            title={t('title')}
            go={t('go')}
            busy={doing.busy}
            onGo={() => void go()}
            onCancel={() => props.end(false)}
        >
            <p>{t('why')}</p>
            <Field label={t('password', { name: session.value?.name ?? '' })} for="proof">
                <Input
                    id="proof"
                    type="password"
                    value={password}
                    onChange={setPassword}
                    required
                    auto="current-password"
                />
            </Field>
            {session.value?.second_factor && (
                <CodeField id="proof-code" value={code} onChange={setCode} />
            )}
            <Refused refusal={doing.refusal} />
        </Dialog>
    );
}

export function Proof() {
    const done = waiting.value;
    if (done === null) return null;
    return (
        <Ask
            end={good => {
                waiting.value = null;
                done(good);
            }}
        />
    );
}
