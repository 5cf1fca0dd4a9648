/* users: the accounts of this page: who may read, who may change. */
import { useEffect, useState } from 'preact/hooks';
import { putUser, removeUser, session, users, type User } from '../api';
import { Button, Field, Input, Refused, Section, Select } from '../ui/bits';
import { Dialog } from '../ui/dialog';
import { Table, type Column } from '../ui/table';
import { useDo } from '../ui/use';
import { words } from '../words';
import { OwnPassword, Sessions } from './users_own';

const t = words(
    {
        table: 'Accounts',
        name: 'Name',
        role: 'Role',
        admin: 'admin: may change everything',
        read: 'read: may look',
        remove: 'Remove',
        add: 'Add an account, or give one a new password',
        password: 'Password',
        again: 'Confirm password',
        save: 'Save',
        differ: 'The two passwords differ.',
        sure: 'Remove the account {name}?',
        'sure-text': 'Its sessions end at once.',
    },
    {
        table: 'アカウント',
        name: '名前',
        role: '権限',
        admin: 'admin: すべて変更可',
        read: 'read: 閲覧のみ',
        remove: '削除',
        add: 'アカウントの追加、またはパスワードの再設定',
        password: 'パスワード',
        again: 'パスワードの確認',
        save: '保存',
        differ: '2 つのパスワードが一致しません。',
        sure: 'アカウント {name} を削除しますか?',
        'sure-text': 'そのセッションは直ちに終了します。',
    },
);

export function Users() {
    const [rows, setRows] = useState<User[]>([]);
    const [going, setGoing] = useState<string | null>(null);
    const [name, setName] = useState('');
    const [role, setRole] = useState('read');
    const [password, setPassword] = useState('');
    const [again, setAgain] = useState('');
    const doing = useDo<void>();
    const admin = session.value?.role === 'admin';

    const load = () => users().then(setRows, () => undefined);
    useEffect(() => {
        if (admin) void load();
    }, [admin]);

    async function add(event: Event) {
        event.preventDefault();
        if (password !== again) return;
        await doing.run(() =>
            putUser(name, password, role).then(() => {
                setName('');
                setPassword('');
                setAgain('');
                void load();
            }),
        );
    }
    async function remove(who: string) {
        await doing.run(() => removeUser(who).then(() => void load()));
        setGoing(null);
    }

    const columns: Column<User>[] = [
        { title: t('name'), by: u => u.name, cell: u => u.name },
        { title: t('role'), by: u => u.role, cell: u => u.role },
        {
            title: t('remove'),
            cell: u => (
                <Button
                    kind="danger"
                    label={`${t('remove')}: ${u.name}`}
                    onPress={() => setGoing(u.name)}
                >
                    {t('remove')}
                </Button>
            ),
        },
    ];
    return (
        <>
            <Refused refusal={doing.refusal} />
            {admin && (
                <Section title={t('table')}>
                    <Table caption={t('table')} columns={columns} rows={rows} keyOf={u => u.name} />
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
                        <Field label={t('password')} for="user-password">
                            <Input
                                id="user-password"
                                type="password"
                                value={password}
                                onChange={setPassword}
                                auto="new-password"
                                required
                            />
                        </Field>
                        <Field
                            label={t('again')}
                            for="user-again"
                            hint={again !== '' && again !== password ? t('differ') : undefined}
                        >
                            <Input
                                id="user-again"
                                type="password"
                                value={again}
                                onChange={setAgain}
                                auto="new-password"
                                required
                                hinted={again !== '' && again !== password}
                            />
                        </Field>
                        <div class="actions">
                            <Button submit kind="main" disabled={doing.busy}>
                                {t('save')}
                            </Button>
                        </div>
                    </form>
                </Section>
            )}
            <OwnPassword />
            <Sessions />
            {going && (
                <Dialog
                    title={t('sure', { name: going })}
                    go={t('remove')}
                    danger
                    busy={doing.busy}
                    onGo={() => void remove(going)}
                    onCancel={() => setGoing(null)}
                >
                    <p>{t('sure-text')}</p>
                </Dialog>
            )}
        </>
    );
}
