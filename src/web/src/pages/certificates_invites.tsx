/* certificates_invites: one-time tokens by which another cluster joins: made (and shown this
 * once), listed, taken back. */
import { useState } from 'preact/hooks';
import { ask, session } from '../api';
import { status } from '../live';
import {
    Button,
    Chip,
    Field,
    Input,
    Notice,
    Print,
    Refused,
    Section,
    Select,
    Working,
} from '../ui/bits';
import { Act } from '../ui/act';
import { Copy } from '../ui/file';
import { Table, type Column } from '../ui/table';
import { useAgain, useAsk, useDo } from '../ui/use';
import { number, when, words } from '../words';

const t = words(
    {
        make: 'Invite a cluster',
        text:
            'A token for one cluster: whoever has it joins this network and is introduced to ' +
            'every hub. It is typed there as the registration server, or after "ils join".',
        expires: 'Good for',
        hour: '1 hour',
        day: '24 hours',
        week: '7 days',
        addresses: 'Addresses in the token',
        'addresses-hint':
            'Where this hub is reached, separated by blanks; empty: what it advertises.',
        go: 'Make an invite',
        once: 'The token; it is shown this once',
        token: 'Token',
        until: 'Good until',
        at: 'Addresses',
        print: 'Certificate of this hub',
        list: 'Invites',
        none: 'Nobody was invited yet.',
        id: 'Invite',
        made: 'Made',
        by: 'Used by',
        ends: 'Ends',
        state: 'State',
        failures: 'Failed attempts',
        action: 'Action',
        remove: 'Remove',
        sure: 'Remove the invite {id}?',
        'sure-text': 'Its token is worth nothing from then on. Who has joined by it stays.',
        open: 'open',
        used: 'used',
        spent: 'spent',
        expired: 'expired',
    },
    {
        make: 'クラスタを招待',
        text:
            '1 つのクラスタのためのトークンです。これを持つクラスタはこのネットワークに参加し、' +
            'すべてのハブに紹介されます。相手側で登録サーバとして、または "ils join" の後に入力します。',
        expires: '有効期間',
        hour: '1 時間',
        day: '24 時間',
        week: '7 日',
        addresses: 'トークンに含めるアドレス',
        'addresses-hint':
            'このハブに到達できるアドレス。空白区切り。空欄: アドバタイズしているアドレス。',
        go: '招待を作成',
        once: 'トークン(表示は今回限り)',
        token: 'トークン',
        until: '有効期限',
        at: 'アドレス',
        print: 'このハブの証明書',
        list: '招待一覧',
        none: '招待はまだありません。',
        id: '招待',
        made: '作成日時',
        by: '使用したクラスタ',
        ends: '有効期限',
        state: '状態',
        failures: '失敗回数',
        action: '操作',
        remove: '削除',
        sure: '招待 {id} を削除しますか?',
        'sure-text': 'トークンは以後使用できません。すでに参加したクラスタには影響しません。',
        open: '未使用',
        used: '使用済み',
        spent: '無効',
        expired: '期限切れ',
    },
);

interface Invite {
    id: string;
    made: string;
    expires: string;
    state: 'open' | 'used' | 'spent' | 'expired';
    failures: number;
    by: string;
}

interface Made {
    token: string;
    id: string;
    expires: string;
    addresses: string[];
    fingerprint: string;
}

function Token(props: { made: Made }) {
    const { made } = props;
    return (
        <Notice tone="good" live title={t('once')}>
            <p>
                <code class="compare">{made.token}</code>
            </p>
            <p>
                <Copy text={made.token} of={t('token')} />
            </p>
            <dl class="facts">
                <dt>{t('until')}</dt>
                <dd>{when(made.expires)}</dd>
                <dt>{t('at')}</dt>
                <dd>{made.addresses.join(', ')}</dd>
                <dt>{t('print')}</dt>
                <dd>
                    <Print of={made.fingerprint} />
                </dd>
            </dl>
        </Notice>
    );
}

function Make(props: { done: () => void }) {
    const [expires, setExpires] = useState('86400');
    const [addresses, setAddresses] = useState('');
    const doing = useDo<Made>();
    const given = addresses.split(/[\s,]+/).filter(a => a !== '');
    async function make(event: Event) {
        event.preventDefault();
        const got = await doing.run(() =>
            ask<Made>('invite', {
                expires: Number(expires),
                addresses: given.length > 0 ? given : undefined,
            }),
        );
        if (got) props.done();
    }
    return (
        <Section title={t('make')}>
            <p>{t('text')}</p>
            <form onSubmit={e => void make(e)}>
                <Field label={t('expires')} for="invite-expires">
                    <Select
                        id="invite-expires"
                        value={expires}
                        onChange={setExpires}
                        options={[
                            ['3600', t('hour')],
                            ['86400', t('day')],
                            ['604800', t('week')],
                        ]}
                    />
                </Field>
                <Field label={t('addresses')} for="invite-addresses" hint={t('addresses-hint')}>
                    <Input id="invite-addresses" value={addresses} onChange={setAddresses} hinted />
                </Field>
                <Refused refusal={doing.refusal} />
                <div class="actions">
                    <Button submit kind="main" disabled={doing.busy}>
                        {t('go')}
                    </Button>
                </div>
            </form>
            {doing.done && <Token made={doing.done} />}
        </Section>
    );
}

export function Invites() {
    const asked = useAsk<Invite[]>('invite list');
    useAgain(asked.again, status.value);
    const admin = session.value?.role === 'admin';
    const columns: Column<Invite>[] = [
        { title: t('id'), by: i => i.id, cell: i => <code>{i.id}</code> },
        {
            title: t('state'),
            by: i => i.state,
            cell: i => (
                <Chip tone={i.state === 'open' ? 'info' : i.state === 'used' ? 'good' : 'plain'}>
                    {t(i.state)}
                </Chip>
            ),
        },
        { title: t('made'), by: i => i.made, cell: i => when(i.made) },
        { title: t('by'), by: i => i.by, cell: i => i.by || '–' },
        { title: t('ends'), by: i => i.expires, cell: i => when(i.expires) },
        { title: t('failures'), by: i => i.failures, cell: i => number(i.failures), right: true },
    ];
    if (admin)
        columns.push({
            title: t('action'),
            cell: i => (
                <Act
                    label={t('remove')}
                    of={i.id}
                    title={t('sure', { id: i.id })}
                    danger
                    work={() => ask('invite remove', { id: i.id })}
                    done={asked.again}
                >
                    <p>{t('sure-text')}</p>
                </Act>
            ),
        });
    return (
        <>
            {admin && <Make done={asked.again} />}
            <Section title={t('list')}>
                <Refused refusal={asked.refusal} />
                {asked.data === undefined && asked.busy && <Working />}
                {asked.data && (
                    <Table
                        caption={t('list')}
                        columns={columns}
                        rows={asked.data}
                        none={t('none')}
                        keyOf={i => i.id}
                    />
                )}
            </Section>
        </>
    );
}
