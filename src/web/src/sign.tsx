/* sign: the way in: name and password, and a code where there is a second factor; or, with the
 * code that `ils page setup` printed, a new account. */
import { useState } from 'preact/hooks';
import { accounts, login, Refusal, setup } from './api';
import { CodeField } from './factor';
import { Button, Command, Field, Input, Refused } from './ui/bits';
import { differ, NewPassword, untyped } from './ui/twice';
import { useDo } from './ui/use';
import { words } from './words';

const t = words(
    {
        login: 'Log in',
        name: 'Name',
        password: 'Password',
        first: 'Set the page up',
        code: 'Setup code',
        'code-hint':
            'Type this at the console of ilsd; it prints a code that is good for 15 minutes:',
        'to-setup': 'I have a setup code',
        'to-login': 'I have an account',
        make: 'Make the account',
    },
    {
        login: 'ログイン',
        name: '名前',
        password: 'パスワード',
        first: 'ページの初期設定',
        code: 'セットアップコード',
        'code-hint': 'ilsd のコンソールで次を入力すると、15 分間有効なコードが表示されます:',
        'to-setup': 'セットアップコードを使う',
        'to-login': 'アカウントでログインする',
        make: 'アカウントを作成',
    },
);

export function Sign() {
    const [code, setCode] = useState<string | null>(accounts.value ? null : '');
    const [name, setName] = useState('');
    const [typed, setTyped] = useState(untyped);
    /* of the second factor; null: it was not asked for */
    const [second, setSecond] = useState<string | null>(null);
    const doing = useDo<void>();
    const fresh = code !== null;

    function rename(to: string) {
        setName(to);
        setSecond(null);
    }
    function go(event: Event) {
        event.preventDefault();
        if (fresh && differ(typed)) return;
        void doing.run(() => (fresh ? setup(code, name, typed.password) : enter()));
    }
    /* That a code is wanted is a question, and no refusal, the first time. */
    async function enter() {
        try {
            await login(name, typed.password, second ?? '');
        } catch (e) {
            const asked = e instanceof Refusal && e.name === 'SECOND_FACTOR';
            if (asked) setSecond('');
            if (!asked || second !== null) throw e;
        }
    }

    return (
        <main id="content" tabIndex={-1} class="sign">
            <h1>{fresh ? t('first') : t('login')}</h1>
            <form onSubmit={go}>
                {fresh && (
                    <>
                        <p>
                            {t('code-hint')} <Command text="ils page setup" />
                        </p>
                        <Field label={t('code')} for="code">
                            <Input id="code" value={code} onChange={setCode} required />
                        </Field>
                    </>
                )}
                <Field label={t('name')} for="name">
                    <Input id="name" value={name} onChange={rename} auto="username" required />
                </Field>
                {fresh ? (
                    <NewPassword id="password" typed={typed} onChange={setTyped} />
                ) : (
                    <Field label={t('password')} for="password">
                        <Input
                            id="password"
                            type="password"
                            value={typed.password}
                            onChange={password => setTyped({ password, again: '' })}
                            required
                            auto="current-password"
                        />
                    </Field>
                )}
                {!fresh && second !== null && (
                    <CodeField id="second" value={second} onChange={setSecond} />
                )}
                <Refused refusal={doing.refusal} />
                <div class="actions">
                    <Button
                        submit
                        kind="main"
                        disabled={doing.busy || (typed.again !== '' && differ(typed))}
                    >
                        {fresh ? t('make') : t('login')}
                    </Button>
                    <Button onPress={() => setCode(fresh ? null : '')}>
                        {fresh ? t('to-login') : t('to-setup')}
                    </Button>
                </div>
            </form>
        </main>
    );
}
