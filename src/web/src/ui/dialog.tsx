/* dialog: a question before something is done: the browser's own <dialog>, which keeps the
 * keyboard inside it and gives the focus back. */
import { useEffect, useId, useRef } from 'preact/hooks';
import { words } from '../words';
import { Button, type Children } from './bits';

const t = words({ cancel: 'Cancel', close: 'Close' }, { cancel: 'キャンセル', close: '閉じる' });

export function Dialog(props: {
    title: string;
    children?: Children;
    /* what the button says; without: it only shows something */
    go?: string;
    danger?: boolean;
    busy?: boolean;
    onGo?: () => void;
    onCancel: () => void;
}) {
    const ref = useRef<HTMLDialogElement>(null);
    const title = useId();
    useEffect(() => {
        const dialog = ref.current;
        const former = document.activeElement;
        dialog?.showModal();
        /* It has been taken out of the page by then, and gives nothing back by itself. */
        return () => {
            if (former instanceof HTMLElement) former.focus();
        };
    }, []);
    return (
        <dialog
            ref={ref}
            aria-labelledby={title}
            onCancel={e => {
                e.preventDefault();
                props.onCancel();
            }}
        >
            <form
                onSubmit={e => {
                    e.preventDefault();
                    (props.onGo ?? props.onCancel)();
                }}
            >
                <h2 id={title}>{props.title}</h2>
                {props.children}
                <div class="actions">
                    {props.go && <Button onPress={props.onCancel}>{t('cancel')}</Button>}
                    <Button submit kind={props.danger ? 'danger' : 'main'} disabled={props.busy}>
                        {props.go ?? t('close')}
                    </Button>
                </div>
            </form>
        </dialog>
    );
}
