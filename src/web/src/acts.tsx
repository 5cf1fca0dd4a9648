/* acts: what is done to a cluster, or to this one: each asks first, in a dialog that says
 * what it does, and says afterwards what ilsd answered. */
import { useState } from 'preact/hooks';
import { ask, session, type Args } from './api';
import { said } from './said';
import { Check, Field, Input, Notice, Refused } from './ui/bits';
import { Dialog } from './ui/dialog';
import { useDo } from './ui/use';
import { words } from './words';

const t = words(
    {
        done: 'Done: {what}',
        disconnect: 'Disconnect',
        'disconnect-title': 'Disconnect {name}?',
        'disconnect-text':
            'The link ends, and neither end dials again until somebody connects it. What was ' +
            'learned from it stays and is marked stale. The other end is told who did it.',
        connect: 'Connect',
        'connect-title': 'Connect {name} again?',
        'connect-text': 'It is dialled again at once.',
        forget: 'Forget',
        'forget-title': 'Forget {name}?',
        'forget-text':
            'For a cluster that is gone and did not say so: every cluster drops its data. If it ' +
            'still lives, it comes back by itself when it joins.',
        ban: 'Ban',
        'ban-title': 'Ban {name} from the network?',
        'ban-text':
            'All drop its data, what it said about others as a hub counts no more, and no hub ' +
            'lets it in again before it is unbanned.',
        unban: 'Unban',
        'unban-title': 'Let {name} in again?',
        'unban-text': 'The hubs let it in again when it joins.',
        leave: 'Leave the network',
        'leave-title': 'Leave the network?',
        'leave-text':
            'Says goodbye: the other clusters drop what this one has told them, and calls to its ' +
            'numbers are found no more. Its own entries stay here, and are everywhere again when ' +
            'it joins again.',
        'leave-force': 'Also if it is the only hub of its spokes (they are left without one)',
        adopt: 'Adopt another network',
        'adopt-title': 'Adopt the network of the cluster that refused this one?',
        'adopt-text':
            'This cluster was refused with ILS-408, because it belongs to another network: it ' +
            'takes the id of that one, and joins it. At a hub its own spokes are refused until ' +
            'they adopt it as well.',
        identity: 'Take a new identity',
        'identity-title': 'Take a new identity?',
        'identity-text':
            'This cluster gets a new key and a new cluster id: for the others it is another ' +
            'cluster, and the former one stays known until it is forgotten. It is the cure of a ' +
            'copy that runs beside its original (ILS-502). A certificate that ilsd made is made ' +
            'anew with it, and has to be imported anew elsewhere.',
        id: 'New cluster ID',
        fqdn: 'New fully qualified domain name',
        'fqdn-hint': 'Empty: as it was; then two clusters have one name.',
        rebuild: 'Take what the others hold',
        'rebuild-title': 'Take the plan that the others hold?',
        'rebuild-text':
            'What the neighbours hold of this cluster replaces the plan that is here: use it ' +
            'where this one is the older.',
        keep: 'Keep what is here',
        'keep-title': 'Keep the plan that is here?',
        'keep-text':
            'The plan that is here is announced anew, above what the neighbours hold: what they ' +
            'have beyond it is gone.',
        backup: 'Back up',
        'backup-title': 'Back the store up?',
        'backup-text':
            'ilsd copies its store into a file of its own host while it runs, and checks the ' +
            'copy. The file holds every secret of this cluster.',
        'backup-file': 'File (whole path at the host of ilsd; not there yet)',
        restore: 'Restore a backup',
        'restore-title': 'Put a backup back?',
        'restore-text':
            'The backup is checked first. Then ilsd ends its links, keeps the present store ' +
            'beside it and goes on with the backup: this page is gone for a moment, and all ' +
            'who are logged in log in again.',
        'restore-file': 'File (whole path at the host of ilsd)',
    },
    {
        done: '完了: {what}',
        disconnect: '切断',
        'disconnect-title': '{name} を切断しますか?',
        'disconnect-text':
            'リンクが切れ、誰かが接続するまでどちらの側からも接続しません。学習したデータは' +
            '残り、古いものとして表示されます。相手には操作者が通知されます。',
        connect: '接続',
        'connect-title': '{name} を再び接続しますか?',
        'connect-text': '直ちに接続を始めます。',
        forget: '削除(忘れる)',
        'forget-title': '{name} を忘れますか?',
        'forget-text':
            '離脱を告げずに消えたクラスタのための操作です。すべてのクラスタがそのデータを' +
            '破棄します。まだ稼働している場合は、参加すると自動的に戻ります。',
        ban: '追放',
        'ban-title': '{name} をネットワークから追放しますか?',
        'ban-text':
            'すべてのクラスタがそのデータを破棄し、ハブとして他のクラスタについて述べたことも' +
            '無効になります。追放を解除するまで、どのハブも参加を認めません。',
        unban: '追放を解除',
        'unban-title': '{name} を再び受け入れますか?',
        'unban-text': '参加したときに、ハブが再び受け入れます。',
        leave: 'ネットワークから離脱',
        'leave-title': 'ネットワークから離脱しますか?',
        'leave-text':
            '離脱を告げます。他のクラスタはこのクラスタから受け取ったものを破棄し、その番号への' +
            '呼は解決されなくなります。自分のエントリはここに残り、再び参加すると元どおり配布されます。',
        'leave-force': 'スポークの唯一のハブであっても離脱する(スポークはハブを失います)',
        adopt: '別のネットワークに移る',
        'adopt-title': 'このクラスタを拒否した相手のネットワークに移りますか?',
        'adopt-text':
            'このクラスタは、別のネットワークに属しているため ILS-408 で拒否されました。相手の' +
            'ネットワーク ID を採用して参加します。ハブの場合、自分のスポークも同じ操作をするまで' +
            '拒否されます。',
        identity: '新しい ID を取得',
        'identity-title': '新しい ID を取得しますか?',
        'identity-text':
            'このクラスタに新しい鍵とクラスタ ID を与えます。他からは別のクラスタに見え、以前の' +
            'ものは忘れられるまで残ります。複製が原本と並んで動いている場合(ILS-502)の対処です。' +
            'ilsd が作成した証明書も作り直されるため、相手側で改めてインポートが必要です。',
        id: '新しいクラスタ ID',
        fqdn: '新しい完全修飾ドメイン名',
        'fqdn-hint': '空欄: 変更しない。その場合 2 つのクラスタが同じ名前になります。',
        rebuild: '相手が持つものを採用',
        'rebuild-title': '相手が持つプランを採用しますか?',
        'rebuild-text':
            '隣接クラスタが持つこのクラスタのプランで、ここにあるプランを置き換えます。' +
            'こちらの方が古い場合に使います。',
        keep: 'ここにあるものを維持',
        'keep-title': 'ここにあるプランを維持しますか?',
        'keep-text':
            'ここにあるプランを、隣接クラスタが持つものより新しいものとして改めて通知します。' +
            '相手だけが持つ変更は失われます。',
        backup: 'バックアップ',
        'backup-title': 'ストアをバックアップしますか?',
        'backup-text':
            'ilsd は稼働したままストアを同じホストのファイルにコピーし、検査します。' +
            'ファイルにはこのクラスタの秘密情報がすべて含まれます。',
        'backup-file': 'ファイル(ilsd のホスト上の絶対パス。未作成のもの)',
        restore: 'バックアップから復元',
        'restore-title': 'バックアップを復元しますか?',
        'restore-text':
            '最初にバックアップを検査します。その後 ilsd はリンクを切り、現在のストアを残した' +
            'うえでバックアップに切り替えます。このページは一時的に使えなくなり、' +
            '全員が再ログインする必要があります。',
        'restore-file': 'ファイル(ilsd のホスト上の絶対パス)',
    },
);

export interface Act {
    what: string;
    title: string;
    text: string;
    danger: boolean;
    command: string;
    args: Args;
    fields?: { id: string; label: string; hint?: string; required: boolean; key: string }[];
    check?: { label: string; key: string };
}

export function mayChange(): boolean {
    return session.value?.role === 'admin';
}

type OnCluster = 'disconnect' | 'connect' | 'forget' | 'ban' | 'unban';

export function onCluster(command: OnCluster, name: string, id: string): Act {
    return {
        what: t(command),
        title: t(`${command}-title`, { name }),
        text: t(`${command}-text`),
        danger: command !== 'connect' && command !== 'unban',
        command,
        args: { cluster: id },
    };
}

export function leave(): Act {
    return {
        what: t('leave'),
        title: t('leave-title'),
        text: t('leave-text'),
        danger: true,
        command: 'leave',
        args: {},
        check: { label: t('leave-force'), key: 'force' },
    };
}

export function adopt(): Act {
    return {
        what: t('adopt'),
        title: t('adopt-title'),
        text: t('adopt-text'),
        danger: true,
        command: 'network adopt',
        args: {},
    };
}

export function identity(): Act {
    return {
        what: t('identity'),
        title: t('identity-title'),
        text: t('identity-text'),
        danger: true,
        command: 'identity new',
        args: {},
        fields: [
            { id: 'new-id', label: t('id'), required: true, key: 'cluster_id' },
            {
                id: 'new-fqdn',
                label: t('fqdn'),
                hint: t('fqdn-hint'),
                required: false,
                key: 'fqdn',
            },
        ],
    };
}

/* Whose plan holds, after an older copy was put back. */
export function decide(which: 'rebuild' | 'keep'): Act {
    return {
        what: t(which),
        title: t(`${which}-title`),
        text: t(`${which}-text`),
        danger: true,
        command: which === 'rebuild' ? 'rebuild' : 'restore',
        args: {},
    };
}

export function copy(which: 'backup' | 'restore'): Act {
    return {
        what: t(which),
        title: t(`${which}-title`),
        text: t(`${which}-text`),
        danger: which === 'restore',
        command: which,
        args: {},
        fields: [{ id: 'the-file', label: t(`${which}-file`), required: true, key: 'file' }],
    };
}

interface Said {
    text?: string;
    notes?: string[];
}

function Asking(props: { act: Act; end: (done: string[] | null) => void }) {
    const { act } = props;
    const [values, setValues] = useState<Record<string, string>>({});
    const [checked, setChecked] = useState(false);
    const doing = useDo<Said | null>();

    async function go() {
        const args: Args = { ...act.args, ...values };
        if (act.check && checked) args[act.check.key] = true;
        const answer = await doing.run(() => ask<Said | null>(act.command, args));
        if (answer === undefined) return;
        const text = answer?.text && answer.text !== 'OK' ? [said(answer.text)] : [];
        props.end([t('done', { what: act.what }), ...text, ...(answer?.notes ?? []).map(said)]);
    }

    return (
        <Dialog
            title={act.title}
            go={act.what}
            danger={act.danger}
            busy={doing.busy}
            onGo={() => void go()}
            onCancel={() => props.end(null)}
        >
            <p>{act.text}</p>
            {act.fields?.map(f => (
                <Field key={f.id} label={f.label} for={f.id} hint={f.hint}>
                    <Input
                        id={f.id}
                        value={values[f.key] ?? ''}
                        required={f.required}
                        hinted={f.hint !== undefined}
                        onChange={value => setValues(v => ({ ...v, [f.key]: value }))}
                    />
                </Field>
            ))}
            {act.check && (
                <Check
                    id="the-check"
                    label={act.check.label}
                    checked={checked}
                    onChange={setChecked}
                />
            )}
            <Refused refusal={doing.refusal} />
        </Dialog>
    );
}

/* One act at a time: begin(act) asks; what was said stays until the next. */
export function useActs(after: () => void) {
    const [act, setAct] = useState<Act | null>(null);
    const [done, setDone] = useState<string[]>([]);
    const begin = (one: Act) => {
        setDone([]);
        setAct(one);
    };
    const shown = (
        <>
            {done.length > 0 && (
                <Notice tone="good" live title={done[0]}>
                    {done.slice(1).map(text => (
                        <p key={text}>{text}</p>
                    ))}
                </Notice>
            )}
            {act && (
                <Asking
                    act={act}
                    end={texts => {
                        setAct(null);
                        if (texts === null) return;
                        setDone(texts);
                        after();
                    }}
                />
            )}
        </>
    );
    return { begin, shown };
}
