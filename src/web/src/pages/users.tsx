/* users: the accounts of this page: who may read, who may change. */
import { useEffect, useState } from 'preact/hooks';
import { ask, putUser, removeUser, session, users, type User } from '../api';
import { Act } from '../ui/act';
import { Button, Check, Field, Input, Refused, Section, Select } from '../ui/bits';
import { Table, type Column } from '../ui/table';
import { differ, NewPassword, untyped } from '../ui/twice';
import { useAsk, useDo } from '../ui/use';
import { words } from '../words';
import { OwnFactor, OwnPassword, Sessions } from './users_own';

const t = words(
    {
        table: 'Accounts',
        name: 'Name',
        role: 'Role',
        admin: 'admin: may change everything',
        read: 'read: may look',
        remove: 'Remove',
        add: 'Add an account, or give one a new password',
        save: 'Save',
        sure: 'Remove the account {name}?',
        'sure-text': 'Its sessions end at once.',
        factor: 'Second factor',
        yes: 'yes',
        no: 'no',
        lost: 'Remove the second factor',
        'lost-sure': 'Remove the second factor of {name}?',
        'lost-text':
            'As when the authenticator is lost. Its sessions end at once; the password is enough ' +
            'to log in, and where a second factor is required, another one is set up then.',
        required: 'A second factor is required of every account',
        'required-text':
            'Whoever has none can log in and set one up, and do nothing else before that. A page ' +
            'that listens elsewhere than on loopback requires it unless this is switched off.',
    },
    {
        table: 'アカウント',
        name: '名前',
        role: '権限',
        admin: 'admin: すべて変更可',
        read: 'read: 閲覧のみ',
        remove: '削除',
        add: 'アカウントの追加、またはパスワードの再設定',
        save: '保存',
        sure: 'アカウント {name} を削除しますか?',
        'sure-text': 'そのセッションは直ちに終了します。',
        factor: '第 2 要素',
        yes: 'あり',
        no: 'なし',
        lost: '第 2 要素を解除',
        'lost-sure': '{name} の第 2 要素を解除しますか?',
        'lost-text':
            '認証アプリを紛失したときなどに使います。セッションは直ちに終了し、パスワードだけで' +
            'ログインできます。第 2 要素が必須の場合は、そのときに設定し直します。',
        required: 'すべてのアカウントに第 2 要素を必須にする',
        'required-text':
            '設定していないアカウントは、ログインして設定することだけができます。ループバック以外で' +
            '開いたページでは、ここで解除しない限り必須です。',
    },
);

function Requirement() {
    const shown = useAsk<{ second_factor: string }>('page show');
    const doing = useDo<void>();
    const set = (on: boolean) =>
        ask('page set', { second_factor: on ? 'required' : 'optional' }).then(shown.again);
    return (
        <>
            <Check
                id="required"
                label={t('required')}
                checked={shown.data?.second_factor === 'required'}
                disabled={doing.busy || !shown.data}
                onChange={on => void doing.run(() => set(on))}
            />
            <p class="hint">{t('required-text')}</p>
            <Refused refusal={shown.refusal ?? doing.refusal} />
        </>
    );
}

export function Users() {
    const [rows, setRows] = useState<User[]>([]);
    const [name, setName] = useState('');
    const [role, setRole] = useState('read');
    const [typed, setTyped] = useState(untyped);
    const doing = useDo<void>();
    const admin = session.value?.role === 'admin';

    const load = () => users().then(setRows, () => undefined);
    useEffect(() => {
        if (admin) void load();
    }, [admin]);

    async function add(event: Event) {
        event.preventDefault();
        if (differ(typed)) return;
        await doing.run(() =>
            putUser(name, typed.password, role).then(() => {
                setName('');
                setTyped(untyped);
                void load();
            }),
        );
    }

    const columns: Column<User>[] = [
        { title: t('name'), by: u => u.name, cell: u => u.name },
        { title: t('role'), by: u => u.role, cell: u => u.role },
        {
            title: t('factor'),
            by: u => Number(u.second_factor),
            cell: u =>
                u.second_factor && u.name !== session.value?.name ? (
                    <Act
                        label={t('lost')}
                        of={u.name}
                        title={t('lost-sure', { name: u.name })}
                        danger
                        work={() => ask('page remove', { name: u.name, second_factor: true })}
                        done={() => void load()}
                    >
                        <p>{t('lost-text')}</p>
                    </Act>
                ) : (
                    t(u.second_factor ? 'yes' : 'no')
                ),
        },
        {
            title: t('remove'),
            cell: u => (
                <Act
                    label={t('remove')}
                    of={u.name}
                    title={t('sure', { name: u.name })}
                    danger
                    work={() => removeUser(u.name)}
                    done={() => void load()}
                >
                    <p>{t('sure-text')}</p>
                </Act>
            ),
        },
    ];
    return (
        <>
            <Refused refusal={doing.refusal} />
            {admin && (
                <Section title={t('table')}>
                    <Table caption={t('table')} columns={columns} rows={rows} keyOf={u => u.name} />
                    <Requirement />
                </Section>
            )}
            {admin && (
                <Section title={t('add')}>
                    <form onSubmit={e => void add(e)}>
                        <Field label={t('name')} for="user">
                            <Input id="user" value={name} onChange={setName} required />
                        </Field>
                        <Field label={t('role')} for="role">
                            <Select
                                id="role"
                                value={role}
                                onChange={setRole}
                                options={[
                                    ['read', t('read')],
                                    ['admin', t('admin')],
                                ]}
                            />
                        </Field>
                        <NewPassword id="user-password" typed={typed} onChange={setTyped} />
                        <div class="actions">
                            <Button submit kind="main" disabled={doing.busy}>
                                {t('save')}
                            </Button>
                        </div>
                    </form>
                </Section>
            )}
            <OwnPassword />
            <OwnFactor />
            <Sessions />
        </>
    );
}
