/* config_passwords: the generations of the password that are held while it is rotated. The new one
 * is added by the form; here it becomes the one to dial with, and the former one is dropped. */
import { useEffect } from 'preact/hooks';
import { ask, session } from '../api';
import { Act } from '../ui/act';
import { Chip, Refused, Section } from '../ui/bits';
import { Table, type Column } from '../ui/table';
import { useAsk } from '../ui/use';
import { words } from '../words';

const t = words(
    {
        title: 'Passwords held',
        text:
            'While the password is rotated there are two. First give every cluster the new one, ' +
            'then dial with it everywhere, and drop the former one last.',
        generation: 'Generation',
        use: 'Use',
        dials: 'dialled with, and accepted',
        accepted: 'accepted',
        action: 'What can be done',
        prefer: 'Dial with it',
        'prefer-sure': 'Dial with the password of generation {n}?',
        'prefer-text': 'Clusters that do not hold it yet refuse this one (ILS-204).',
        drop: 'Drop',
        'drop-sure': 'Drop the password of generation {n}?',
        'drop-text': 'Whoever still dials with it is refused from then on.',
    },
    {
        title: '保持しているパスワード',
        text:
            'ローテーション中は 2 つ保持します。まず新しいパスワードを全クラスタに追加し、次に全クラスタで' +
            '発信に使うようにし、最後に以前のものを破棄します。',
        generation: '世代',
        use: '用途',
        dials: '発信と受け入れ',
        accepted: '受け入れのみ',
        action: '操作',
        prefer: '発信に使う',
        'prefer-sure': '世代 {n} のパスワードを発信に使いますか?',
        'prefer-text': 'まだ保持していないクラスタには拒否されます(ILS-204)。',
        drop: '破棄',
        'drop-sure': '世代 {n} のパスワードを破棄しますか?',
        'drop-text': '以後、このパスワードで接続してくるクラスタは拒否されます。',
    },
);

interface Held {
    generation: number;
    preferred: boolean;
}

function Acts(props: { held: Held; done: () => void }) {
    const { generation } = props.held;
    const n = String(generation);
    if (props.held.preferred) return <>–</>;
    return (
        <span class="both">
            <Act
                label={t('prefer')}
                of={n}
                title={t('prefer-sure', { n })}
                work={() => ask('password prefer', { generation })}
                done={props.done}
            >
                <p>{t('prefer-text')}</p>
            </Act>
            <Act
                label={t('drop')}
                of={n}
                title={t('drop-sure', { n })}
                danger
                work={() => ask('password drop', { generation })}
                done={props.done}
            >
                <p>{t('drop-text')}</p>
            </Act>
        </span>
    );
}

export function Passwords(props: { turn: number }) {
    const asked = useAsk<Held[]>('password list');
    const { again } = asked;
    useEffect(() => {
        if (props.turn > 0) again();
    }, [props.turn, again]);
    const columns: Column<Held>[] = [
        { title: t('generation'), by: h => h.generation, cell: h => String(h.generation) },
        {
            title: t('use'),
            cell: h =>
                h.preferred ? (
                    <Chip tone="good">{t('dials')}</Chip>
                ) : (
                    <Chip tone="plain">{t('accepted')}</Chip>
                ),
        },
    ];
    if (session.value?.role === 'admin')
        columns.push({ title: t('action'), cell: h => <Acts held={h} done={again} /> });
    if (!asked.refusal && (asked.data ?? []).length < 2) return null;
    return (
        <Section title={t('title')}>
            <p>{t('text')}</p>
            <Refused refusal={asked.refusal} />
            <Table
                caption={t('title')}
                columns={columns}
                rows={asked.data ?? []}
                keyOf={h => String(h.generation)}
            />
        </Section>
    );
}
