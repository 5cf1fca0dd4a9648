/* factor: a second factor: the field for a code of it, setting one up (also where it is required,
 * before anything else), and the recovery codes, which are shown once. */
import { signal } from '@preact/signals';
import { useState } from 'preact/hooks';
import { offerFactor, takeFactor, type Offer } from './api';
import { Button, Command, Field, Input, Notice, Refused } from './ui/bits';
import { Dialog } from './ui/dialog';
import { keep } from './ui/file';
import { qr } from './ui/qr';
import { useDo } from './ui/use';
import { words } from './words';

const t = words(
    {
        code: 'Code of your authenticator',
        hint: 'Six digits, or a recovery code.',
        begin: 'Set up a second factor',
        what:
            'An authenticator on a telephone or in a password manager shows a code that changes ' +
            'every 30 seconds. From then on you are asked for it when you log in.',
        scan: 'Read this with the authenticator, or give it the key by hand:',
        picture: 'QR code of the key',
        first: 'Then type the code that it shows',
        confirm: 'Confirm',
        required: 'A second factor is required here',
        codes: 'Your recovery codes',
        keep:
            'Each lets you in once without your authenticator. Keep them apart from your ' +
            'password: they are not shown again.',
        save: 'Save as a file',
        kept: 'I have kept them',
    },
    {
        code: '認証アプリのコード',
        hint: '6 桁の数字、または回復コード。',
        begin: '第 2 要素を設定',
        what:
            '電話やパスワードマネージャーの認証アプリが、30 秒ごとに変わるコードを表示します。' +
            '以後、ログイン時に入力を求められます。',
        scan: '認証アプリで読み取るか、キーを手で入力してください:',
        picture: 'キーの QR コード',
        first: '表示されたコードを入力してください',
        confirm: '確認',
        required: 'ここでは第 2 要素が必要です',
        codes: '回復コード',
        keep:
            'それぞれ 1 回だけ、認証アプリなしでログインできます。' +
            'パスワードとは別に保管してください。再表示はされません。',
        save: 'ファイルに保存',
        kept: '保管しました',
    },
);

export function CodeField(props: { id: string; value: string; onChange: (value: string) => void }) {
    return (
        <Field label={t('code')} for={props.id} hint={t('hint')}>
            <Input
                id={props.id}
                value={props.value}
                onChange={props.onChange}
                auto="one-time-code"
                required
                hinted
            />
        </Field>
    );
}

/* Black on white in both themes, with the margin that readers want. */
function Picture(props: { text: string }) {
    const modules = qr(props.text);
    if (!modules) return null;
    const path = modules
        .flatMap((row, y) => row.map((dark, x) => (dark ? `M${x} ${y}h1v1h-1z` : '')))
        .join('');
    const size = modules.length + 8;
    return (
        <svg class="qr" role="img" aria-label={t('picture')} viewBox={`-4 -4 ${size} ${size}`}>
            <rect x="-4" y="-4" width={size} height={size} fill="#fff" />
            <path d={path} fill="#000" shape-rendering="crispEdges" />
        </svg>
    );
}

const fresh = signal<string[] | null>(null);

export function SetUpFactor(props: { done?: () => void }) {
    const [offer, setOffer] = useState<Offer | null>(null);
    const [code, setCode] = useState('');
    const doing = useDo<void>();
    async function confirm(event: Event) {
        event.preventDefault();
        await doing.run(async () => {
            fresh.value = await takeFactor(code);
            setOffer(null);
            setCode('');
            props.done?.();
        });
    }
    if (!offer)
        return (
            <>
                <p>{t('what')}</p>
                <Refused refusal={doing.refusal} />
                <div class="actions">
                    <Button
                        kind="main"
                        disabled={doing.busy}
                        onPress={() => void doing.run(() => offerFactor().then(setOffer))}
                    >
                        {t('begin')}
                    </Button>
                </div>
            </>
        );
    return (
        <form onSubmit={e => void confirm(e)}>
            <p>{t('scan')}</p>
            <Picture text={offer.uri} />
            <p>
                <Command text={offer.key.replace(/(.{4})(?=.)/g, '$1 ')} />
            </p>
            <p>
                <Command text={offer.uri} />
            </p>
            <Field label={t('first')} for="factor-code">
                <Input
                    id="factor-code"
                    value={code}
                    onChange={setCode}
                    auto="one-time-code"
                    required
                />
            </Field>
            <Refused refusal={doing.refusal} />
            <div class="actions">
                <Button submit kind="main" disabled={doing.busy}>
                    {t('confirm')}
                </Button>
            </div>
        </form>
    );
}

/* All that there is for whoever must have one and has none. */
export function Enrol() {
    return (
        <main id="content" tabIndex={-1} class="sign">
            <h1>{t('required')}</h1>
            <SetUpFactor />
        </main>
    );
}

export function RecoveryCodes() {
    const codes = fresh.value;
    if (codes === null) return null;
    const text = `${codes.join('\n')}\n`;
    return (
        <Dialog title={t('codes')} go={t('kept')} onGo={end} onCancel={() => undefined}>
            <Notice tone="warn">{t('keep')}</Notice>
            <ul class="codes">
                {codes.map(one => (
                    <li key={one}>
                        <code>{one}</code>
                    </li>
                ))}
            </ul>
            <p>
                <Button onPress={() => keep('recovery-codes.txt', text)}>{t('save')}</Button>
            </p>
        </Dialog>
    );
}

function end() {
    fresh.value = null;
}
