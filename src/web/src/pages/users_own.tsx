/* users_own: what everybody may do with himself: another password, a second factor, and an end to
 * sessions that he has elsewhere. An admin sees the sessions of all. */
import { useEffect, useState } from 'preact/hooks';
import { changePassword, endSession, removeFactor, session, sessions } from '../api';
import type { SessionRow } from '../api';
import { CodeField, SetUpFactor } from '../factor';
import { Act } from '../ui/act';
import { Button, Chip, Field, Input, Notice, Refused, Section } from '../ui/bits';
import { Table, type Column } from '../ui/table';
import { differ, NewPassword, untyped } from '../ui/twice';
import { useDo } from '../ui/use';
import { number, words } from '../words';

const t = words(
    {
        own: 'Your password',
        present: 'Present password',
        fresh: 'New password',
        again: 'Confirm new password',
        change: 'Change the password',
        changed: 'The password is changed. Your sessions elsewhere have ended.',
        factor: 'Your second factor',
        on: 'A code of your authenticator is asked for when you log in. Recovery codes left: {n}.',
        few: 'Set it up anew to get eight new recovery codes.',
        off: 'Remove',
        'off-sure': 'Log in without a second factor?',
        'off-text': 'From then on the password is enough. Your sessions elsewhere end.',
        anew: 'Set it up anew',
        sessions: 'Sessions',
        account: 'Account',
        from: 'From',
        since: 'Since',
        idle: 'Last request',
        ago: '{n} min ago',
        here: 'this one',
        end: 'End',
        'end-of': 'End: session {n} of {name}',
    },
    {
        own: '自分のパスワード',
        present: '現在のパスワード',
        fresh: '新しいパスワード',
        again: '新しいパスワードの確認',
        change: 'パスワードを変更',
        changed: 'パスワードを変更しました。ほかの場所のセッションは終了しました。',
        factor: '自分の第 2 要素',
        on: 'ログイン時に認証アプリのコードを求めます。残りの回復コード: {n}。',
        few: '設定し直すと、新しい回復コードが 8 個発行されます。',
        off: '解除',
        'off-sure': '第 2 要素なしでログインできるようにしますか?',
        'off-text': '以後はパスワードだけでログインできます。ほかの場所のセッションは終了します。',
        anew: '設定し直す',
        sessions: 'セッション',
        account: 'アカウント',
        from: '接続元',
        since: '開始',
        idle: '最後の要求',
        ago: '{n} 分前',
        here: 'このセッション',
        end: '終了',
        'end-of': '終了: {name} のセッション {n}',
    },
);

export function OwnPassword() {
    const [present, setPresent] = useState('');
    const [typed, setTyped] = useState(untyped);
    const [code, setCode] = useState('');
    const doing = useDo<boolean>();

    async function change(event: Event) {
        event.preventDefault();
        if (differ(typed)) return;
        const work = () => changePassword(present, typed.password, code).then(() => true);
        if (!(await doing.run(work))) return;
        setCode('');
        setPresent('');
        setTyped(untyped);
    }
    return (
        <Section title={t('own')}>
            <form onSubmit={e => void change(e)}>
                <input
                    type="text"
                    autocomplete="username"
                    value={session.value?.name}
                    readOnly
                    hidden
                />
                <Field label={t('present')} for="own-present">
                    <Input
                        id="own-present"
                        type="password"
                        value={present}
                        onChange={setPresent}
                        auto="current-password"
                        required
                    />
                </Field>
                <NewPassword
                    id="own-fresh"
                    names={{ password: t('fresh'), again: t('again') }}
                    typed={typed}
                    onChange={setTyped}
                />
                {session.value?.second_factor && (
                    <CodeField id="own-code" value={code} onChange={setCode} />
                )}
                <Refused refusal={doing.refusal} />
                {doing.done && <Notice tone="good" title={t('changed')} live />}
                <div class="actions">
                    <Button
                        submit
                        kind="main"
                        disabled={doing.busy || (typed.again !== '' && differ(typed))}
                    >
                        {t('change')}
                    </Button>
                </div>
            </form>
        </Section>
    );
}

export function OwnFactor() {
    const [anew, setAnew] = useState(false);
    const { second_factor: on, recovery_left: left } = session.value ?? {};
    return (
        <Section title={t('factor')}>
            {on && <p>{t('on', { n: number(left) })}</p>}
            {on && left !== undefined && left < 3 && <Notice tone="warn" title={t('few')} />}
            {!on || anew ? (
                <SetUpFactor done={() => setAnew(false)} />
            ) : (
                <div class="actions">
                    <Button onPress={() => setAnew(true)}>{t('anew')}</Button>
                    <Act
                        label={t('off')}
                        of={t('factor')}
                        title={t('off-sure')}
                        danger
                        work={removeFactor}
                    >
                        <p>{t('off-text')}</p>
                    </Act>
                </div>
            )}
        </Section>
    );
}

function minutes(seconds: number): string {
    return t('ago', { n: number(Math.floor(seconds / 60)) });
}

export function Sessions() {
    const [rows, setRows] = useState<SessionRow[]>([]);
    const doing = useDo<void>();
    useEffect(() => {
        void sessions().then(setRows, () => undefined);
    }, [session.value]);

    const columns: Column<SessionRow>[] = [
        { title: t('account'), by: s => s.name, cell: s => s.name },
        { title: t('from'), by: s => s.from, cell: s => s.from },
        { title: t('since'), by: s => s.seconds, cell: s => minutes(s.seconds) },
        { title: t('idle'), by: s => s.idle, cell: s => minutes(s.idle) },
        {
            title: t('end'),
            cell: s =>
                s.own ? (
                    <Chip tone="plain">{t('here')}</Chip>
                ) : (
                    <Button
                        kind="danger"
                        label={t('end-of', { n: String(s.number), name: s.name })}
                        disabled={doing.busy}
                        onPress={() =>
                            void doing.run(() => endSession(s.number).then(r => setRows(r)))
                        }
                    >
                        {t('end')}
                    </Button>
                ),
        },
    ];
    return (
        <Section title={t('sessions')}>
            <Refused refusal={doing.refusal} />
            <Table
                caption={t('sessions')}
                columns={columns}
                rows={rows}
                keyOf={s => String(s.number)}
            />
        </Section>
    );
}
