/* file: files on their way in (dropped or chosen) and out (saved or copied). */
import { useRef, useState } from 'preact/hooks';
import { number, words } from '../words';
import { Button, type Children } from './bits';

const t = words(
    {
        choose: 'Choose a file',
        drop: 'or drop it here',
        chosen: '{name}, {n} bytes',
        other: 'Choose another',
        copy: 'Copy',
        copied: 'Copied',
    },
    {
        choose: 'ファイルを選択',
        drop: 'またはここにドロップ',
        chosen: '{name}({n} バイト)',
        other: '別のファイルを選択',
        copy: 'コピー',
        copied: 'コピーしました',
    },
);

export function FilePick(props: {
    id: string;
    label: string;
    accept?: string;
    file: File | null;
    onFile: (file: File | null) => void;
    children?: Children;
}) {
    const [over, setOver] = useState(false);
    const input = useRef<HTMLInputElement>(null);
    const { file } = props;
    function dropped(e: DragEvent) {
        e.preventDefault();
        setOver(false);
        const one = e.dataTransfer?.files[0];
        if (one) props.onFile(one);
    }
    return (
        <div
            class={over ? 'drop over' : 'drop'}
            onDragOver={e => {
                e.preventDefault();
                setOver(true);
            }}
            onDragLeave={() => setOver(false)}
            onDrop={dropped}
        >
            <input
                ref={input}
                id={props.id}
                class="unseen"
                type="file"
                tabIndex={-1}
                aria-label={props.label}
                accept={props.accept}
                onChange={e => {
                    props.onFile(e.currentTarget.files?.[0] ?? null);
                    e.currentTarget.value = '';
                }}
            />
            <p>
                <strong>{props.label}</strong>
            </p>
            <Button
                label={`${file ? t('other') : t('choose')}: ${props.label}`}
                onPress={() => input.current?.click()}
            >
                {file ? t('other') : t('choose')}
            </Button>
            <p role="status">
                {file ? t('chosen', { name: file.name, n: number(file.size) }) : t('drop')}
            </p>
            {props.children}
        </div>
    );
}

export function Copy(props: { text: string; of: string }) {
    const [copied, setCopied] = useState(false);
    async function copy() {
        await navigator.clipboard.writeText(props.text).catch(() => undefined);
        setCopied(true);
        setTimeout(() => setCopied(false), 1500);
    }
    return (
        <Button label={`${t('copy')}: ${props.of}`} onPress={() => void copy()}>
            {copied ? t('copied') : t('copy')}
        </Button>
    );
}

/* Gives the browser a file to keep. */
export function keep(name: string, text: string, type = 'text/plain'): void {
    const url = URL.createObjectURL(new Blob([text], { type }));
    const link = document.createElement('a');
    link.href = url;
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
}

/* The bytes of files, one behind the other, as a JSON string can hold them. */
export async function base64(...files: Blob[]): Promise<string> {
    const bytes = new Uint8Array(await new Blob(files).arrayBuffer());
    let text = '';
    for (let i = 0; i < bytes.length; i += 8192)
        text += String.fromCharCode(...bytes.subarray(i, i + 8192));
    return btoa(text);
}
