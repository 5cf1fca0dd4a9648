/* doctor: the last verdicts, each with its cause and remedy. */
import { Verdicts } from '../verdicts';

export function Doctor() {
    return <Verdicts />;
}
