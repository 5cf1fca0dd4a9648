/* network: the clusters, and the hubs that this one is to be linked with. */
import { Clusters } from '../clusters';

export function Network() {
    return <Clusters />;
}
