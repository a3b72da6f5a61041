/** A request that tells how much of its body is sent, which `fetch` does not. */

/** In `fetch`'s place. `progress`: the share that is on its way, 0 to 1. */
export const uploading =
  (progress: (share: number) => void) =>
  (url: string, { method = 'POST', headers = {}, body = null, signal }: RequestInit): Promise<Response> =>
    new Promise((done, failed) => {
      const request = new XMLHttpRequest();
      const abort = (): void => request.abort();
      request.open(method, url);
      new Headers(headers).forEach((value, name) => request.setRequestHeader(name, value));
      request.upload.onprogress = ({ lengthComputable, loaded, total }) => {
        if (lengthComputable && total > 0) progress(loaded / total);
      };
      request.onload = () => {
        const type = request.getResponseHeader('Content-Type');
        done(new Response(request.responseText === '' ? null : request.responseText, { status: request.status, statusText: request.statusText, headers: type === null ? {} : { 'Content-Type': type } }));
      };
      request.onerror = () => failed(new TypeError('no connection'));
      request.onabort = () => failed(signal?.reason ?? new DOMException('aborted', 'AbortError'));
      request.onloadend = () => signal?.removeEventListener('abort', abort);
      if (signal?.aborted) return failed(signal.reason);
      signal?.addEventListener('abort', abort);
      request.send(body as XMLHttpRequestBodyInit | null);
    });
