/** Words of the page that describes the API. What each route does is the recorder's own description. */

export const reference = {
  title: 'API',
  intro: 'Everything that these pages do, any program can do. Requests and answers are JSON; errors are problem documents (RFC 9457) with a stable code; times are RFC 3339, UTC.',
  access: 'Sign in with Basic credentials of a user, with a token of one (Authorization: Bearer vigie_…), or with the session cookie of these pages.',
  document: 'As an OpenAPI 3.1 document',
  tryIt: 'For example',
  search: 'Search routes',
  count: (shown: number, all: number) => (shown === all ? `${all} routes` : `${shown} of ${all} routes`),
  none: 'No route has these words.',
  open: 'without sign-in',
  parameters: 'Parameters',
  required: 'required',
  where: { path: 'in the path', query: 'in the query', header: 'in a header' },
  body: 'Body',
  answers: 'Answers',
  failed: 'The description could not be loaded',
};
