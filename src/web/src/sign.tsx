/* sign: the way in: name and password, and a code where there is a second factor; or, with the
 * code that `ils page setup` printed, a new account. */
import { useState } from 'preact/hooks';
import { accounts, login, Refusal, setup } from './api';
import { CodeField } from './factor';
import { Button, Command, Field, Input, Refused } from './ui/bits';
import { useDo } from './ui/use';
import { words } from './words';

const t = words(
    {
        login: 'Log in',
        name: 'Name',
        password: 'Password',
        again: 'Confirm password',
        first: 'Set the page up',
        code: 'Setup code',
        'code-hint':
            'Type this at the console of ilsd; it prints a code that is good for 15 minutes:',
        'to-setup': 'I have a setup code',
        'to-login': 'I have an account',
        'password-hint': 'At least 12 characters.',
        differ: 'The two passwords differ.',
        make: 'Make the account',
    },
    {
        login: 'ログイン',
        name: '名前',
        password: 'パスワード',
        again: 'パスワードの確認',
        first: 'ページの初期設定',
        code: 'セットアップコード',
        'code-hint': 'ilsd のコンソールで次を入力すると、15 分間有効なコードが表示されます:',
        'to-setup': 'セットアップコードを使う',
        'to-login': 'アカウントでログインする',
        'password-hint': '12 文字以上。',
        differ: '2 つのパスワードが一致しません。',
        make: 'アカウントを作成',
    },
);

export function Sign() {
    const [code, setCode] = useState<string | null>(accounts.value ? null : '');
    const [name, setName] = useState('');
    const [password, setPassword] = useState('');
    const [again, setAgain] = useState('');
    /* of the second factor; null: it was not asked for */
    const [second, setSecond] = useState<string | null>(null);
    const doing = useDo<void>();
    const fresh = code !== null;
    const differ = fresh && again !== '' && again !== password;

    function rename(to: string) {
        setName(to);
        setSecond(null);
    }
    function go(event: Event) {
        event.preventDefault();
        if (fresh && again !== password) return;
        void doing.run(() => (fresh ? setup(code, name, password) : enter()));
    }
    /* That a code is wanted is a question, and no refusal, the first time. */
    async function enter() {
        try {
            await login(name, password, second ?? '');
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
                <Field
                    label={t('password')}
                    for="password"
                    hint={fresh ? t('password-hint') : undefined}
                >
                    <Input
                        id="password"
                        type="password"
                        value={password}
                        onChange={setPassword}
                        required
                        auto={fresh ? 'new-password' : 'current-password'}
                        hinted={fresh}
                    />
                </Field>
                {fresh && (
                    <Field label={t('again')} for="again" hint={differ ? t('differ') : undefined}>
                        <Input
                            id="again"
                            type="password"
                            value={again}
                            onChange={setAgain}
                            required
                            auto="new-password"
                            hinted={differ}
                        />
                    </Field>
                )}
                {!fresh && second !== null && (
                    <CodeField id="second" value={second} onChange={setSecond} />
                )}
                <Refused refusal={doing.refusal} />
                <div class="actions">
                    <Button submit kind="main" disabled={doing.busy || differ}>
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
