/* dialog: a question before something is done: the browser's own <dialog>, which keeps the
 * keyboard inside it and gives the focus back. */
import { useEffect, useRef } from 'preact/hooks';
import { words } from '../words';
import { Button, type Children } from './bits';

const t = words({ cancel: 'Cancel' }, { cancel: 'キャンセル' });

export function Dialog(props: {
    title: string;
    children?: Children;
    go: string;
    danger?: boolean;
    busy?: boolean;
    onGo: () => void;
    onCancel: () => void;
}) {
    const ref = useRef<HTMLDialogElement>(null);
    useEffect(() => {
        ref.current?.showModal();
    }, []);
    return (
        <dialog
            ref={ref}
            aria-labelledby="dialog-title"
            onCancel={e => {
                e.preventDefault();
                props.onCancel();
            }}
        >
            <form
                onSubmit={e => {
                    e.preventDefault();
                    props.onGo();
                }}
            >
                <h2 id="dialog-title">{props.title}</h2>
                {props.children}
                <div class="actions">
                    <Button onPress={props.onCancel}>{t('cancel')}</Button>
                    <Button submit kind={props.danger ? 'danger' : 'main'} disabled={props.busy}>
                        {props.go}
                    </Button>
                </div>
            </form>
        </dialog>
    );
}
