/* twice: a new password, typed twice, since nobody sees what he types. */
import { words } from '../words';
import { Field, Input } from './bits';

const t = words(
    {
        password: 'Password',
        again: 'Confirm password',
        hint: 'At least 12 characters, and more than a few words that are guessed first.',
        differ: 'The two passwords differ.',
    },
    {
        password: 'パスワード',
        again: 'パスワードの確認',
        hint: '12 文字以上。推測されやすい単語だけの組み合わせは使えません。',
        differ: '2 つのパスワードが一致しません。',
    },
);

export interface Twice {
    password: string;
    again: string;
}

export const untyped: Twice = { password: '', again: '' };

export function differ(typed: Twice): boolean {
    return typed.password !== typed.again;
}

export function NewPassword(props: {
    id: string;
    /* what the two are called, where it is not plainly the password */
    names?: { password: string; again: string };
    typed: Twice;
    onChange: (typed: Twice) => void;
}) {
    const { id, typed, onChange } = props;
    const names = props.names ?? { password: t('password'), again: t('again') };
    const wrong = typed.again !== '' && differ(typed);
    return (
        <>
            <Field label={names.password} for={id} hint={t('hint')}>
                <Input
                    id={id}
                    type="password"
                    value={typed.password}
                    onChange={password => onChange({ ...typed, password })}
                    auto="new-password"
                    required
                    hinted
                />
            </Field>
            <Field label={names.again} for={`${id}-again`} hint={wrong ? t('differ') : undefined}>
                <Input
                    id={`${id}-again`}
                    type="password"
                    value={typed.again}
                    onChange={again => onChange({ ...typed, again })}
                    auto="new-password"
                    required
                    hinted={wrong}
                />
            </Field>
        </>
    );
}
