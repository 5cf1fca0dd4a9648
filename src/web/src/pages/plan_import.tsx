/* plan_import: a CSV file of entries: what it would change first, then in, for good or until it
 * is not confirmed in time. The same box takes the file of an imported catalog. */
import { useState } from 'preact/hooks';
import { Refusal, send, session, type Args } from '../api';
import { Button, Check, Field, Input, None, Notice, Section, Select, Working } from '../ui/bits';
import { FilePick } from '../ui/file';
import { useAsk, useDo } from '../ui/use';
import { words } from '../words';
import type { Shown } from './index';
import { DoneNotice, Preview, RefusedRows, type Changed, type Would } from './plan_bits';

const t = words(
    {
        title: 'Import a CSV file',
        text:
            'The first row names the columns: PatternType,PSTNFailover,Pattern. All rows are ' +
            'taken or none; they replace what the same source gave before.',
        source: 'Source',
        'source-hint': 'The name under which these entries are kept, such as HQ.',
        file: 'CSV file',
        encoding: 'Encoding',
        preview: 'Preview',
        import: 'Import',
        what: 'What it would do',
        confirm: 'Take it back unless it is confirmed within',
        never: 'never',
        m: '{n} minutes',
        force: 'Import it although most entries of the source go',
        must: 'It needs the confirmation above, or this:',
        'read-only': 'Only an admin imports.',
    },
    {
        title: 'CSV ファイルのインポート',
        text:
            '先頭行は列名です: PatternType,PSTNFailover,Pattern。' +
            'すべての行を取り込むか、まったく取り込まないかのどちらかです。' +
            '同じソースの以前のエントリは置き換えられます。',
        source: 'ソース',
        'source-hint': 'エントリを管理する名前。例: HQ。',
        file: 'CSV ファイル',
        encoding: '文字コード',
        preview: 'プレビュー',
        import: 'インポート',
        what: '変更内容',
        confirm: '確認がなければ取り消すまでの時間',
        never: '取り消さない',
        m: '{n} 分',
        force: 'ソースの大半のエントリが削除されてもインポートする',
        must: '上の確認時間か、次の指定が必要です:',
        'read-only': 'インポートできるのは admin だけです。',
    },
);

export function ImportBox(props: {
    words: 'plan import' | 'catalog import';
    args: Args;
    ready: boolean;
    done?: () => void;
}) {
    const [file, setFile] = useState<File | null>(null);
    const [encoding, setEncoding] = useState('');
    const [confirm, setConfirm] = useState('0');
    const [force, setForce] = useState(false);
    /* what it was asked about, and what was said: of another file or name it says nothing */
    const [tried, setTried] = useState<{ of: string; would: Would } | null>(null);
    const trying = useDo<Would>();
    const doing = useDo<Changed>();
    const args = { ...props.args, encoding };
    const of = JSON.stringify([args, file?.name, file?.size, file?.lastModified]);
    const would = tried?.of === of ? tried.would : null;
    const busy = trying.busy || doing.busy;
    const sure = !would?.shrinks || confirm !== '0' || force;

    async function preview(one: File) {
        doing.clear();
        const got = await trying.run(() =>
            send<Would>(props.words, { ...args, dry_run: true }, one),
        );
        setTried(got ? { of, would: got } : null);
    }
    async function go(one: File) {
        const more = {
            confirm: confirm === '0' ? undefined : Number(confirm),
            force: force || undefined,
        };
        const got = await doing.run(() => send<Changed>(props.words, { ...args, ...more }, one));
        if (got === undefined) return;
        setTried(null);
        setFile(null);
        setForce(false);
        props.done?.();
    }
    const refusal: Refusal | null = trying.refusal ?? doing.refusal;
    return (
        <>
            <form
                onSubmit={e => {
                    e.preventDefault();
                    if (file) void preview(file);
                }}
            >
                <FilePick
                    id={`${props.words.replace(' ', '-')}-file`}
                    label={t('file')}
                    accept=".csv,text/csv,text/plain"
                    file={file}
                    onFile={one => {
                        setFile(one);
                        trying.clear();
                        doing.clear();
                    }}
                />
                <Field label={t('encoding')} for="import-encoding">
                    <Select
                        id="import-encoding"
                        value={encoding}
                        onChange={setEncoding}
                        options={[
                            ['', 'UTF-8'],
                            ['SHIFT_JIS', 'Shift_JIS'],
                            ['CP932', 'Windows-31J (CP932)'],
                            ['EUC-JP', 'EUC-JP'],
                            ['ISO-8859-1', 'ISO 8859-1'],
                            ['WINDOWS-1252', 'Windows-1252'],
                        ]}
                    />
                </Field>
                <div class="actions">
                    <Button
                        submit
                        kind={would ? 'plain' : 'main'}
                        disabled={busy || file === null || !props.ready}
                    >
                        {t('preview')}
                    </Button>
                </div>
            </form>
            {busy && <Working />}
            <RefusedRows refusal={refusal} />
            {doing.done && <DoneNotice done={doing.done} />}
            {would && file && (
                <>
                    <h3>{t('what')}</h3>
                    <Preview would={would} />
                    <Field label={t('confirm')} for="import-confirm">
                        <Select
                            id="import-confirm"
                            value={confirm}
                            onChange={setConfirm}
                            options={[
                                ['0', t('never')],
                                ...[5, 15, 60].map((n): [string, string] => [
                                    String(n * 60),
                                    t('m', { n }),
                                ]),
                            ]}
                        />
                    </Field>
                    {would.shrinks && (
                        <Notice tone="warn" title={t('must')}>
                            <Check
                                id="import-force"
                                label={t('force')}
                                checked={force}
                                onChange={setForce}
                            />
                        </Notice>
                    )}
                    <div class="actions">
                        <Button kind="main" disabled={busy || !sure} onPress={() => void go(file)}>
                            {t('import')}
                        </Button>
                    </div>
                </>
            )}
        </>
    );
}

export function ImportPlan(_: Shown) {
    const [source, setSource] = useState('');
    const log = useAsk<{ changes: { source: string | null; catalog: string | null }[] }>(
        'plan log',
        { max: 100 },
    );
    if (session.value?.role !== 'admin') return <None text={t('read-only')} />;
    const known = new Set<string>();
    for (const change of log.data?.changes ?? [])
        if (change.source && change.catalog === null) known.add(change.source);
    return (
        <Section title={t('title')}>
            <p>{t('text')}</p>
            <Field label={t('source')} for="import-source" hint={t('source-hint')}>
                <Input
                    id="import-source"
                    value={source}
                    onChange={setSource}
                    list={[...known].sort()}
                    required
                    hinted
                />
            </Field>
            <ImportBox words="plan import" args={{ source }} ready={source !== ''} />
        </Section>
    );
}
