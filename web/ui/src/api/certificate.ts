/** The certificate of the encrypted addresses. */

import { change, get } from './client';

export interface Certificate {
  /** null: nothing is served by TLS. */
  source: 'own' | 'uploaded' | 'files' | 'acme' | null;
  names?: string[];
  issuer?: string;
  not_before?: string;
  not_after?: string;
  fingerprint?: string;
  next_renewal: string | null;
  /** Why the one that is asked for is not shown, or was not renewed. */
  error: string | null;
}

const PATH = '/api/v1/certificate';

export const certificates = {
  shown: () => get<Certificate>(PATH),
  upload: (certificate: string, key: string) => change<Certificate>('PUT', PATH, { certificate, key }),
  remove: () => change<Certificate>('DELETE', PATH),
};
