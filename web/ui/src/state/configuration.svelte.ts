import { config, type Changed, type Json, type ListName, type Place, type SingleName, type Table, type Tables } from '../api/config';
import { Problem } from '../api/problem';
import { isTable } from '../settings/values';

/** The recorder's configuration as it was last read. */
class Configuration {
  /** `null` before the first answer. */
  tables: Tables | null = $state.raw(null);
  revision = $state('');
  problem: Problem | null = $state.raw(null);

  async load(): Promise<void> {
    try {
      const { revision, tables } = await config.read();
      this.tables = tables;
      this.revision = revision;
      this.problem = null;
    } catch (error) {
      this.problem = Problem.from(error);
      throw error;
    }
  }

  /** Of whoever was signed in before. */
  forget(): void {
    this.tables = null;
    this.revision = '';
    this.problem = null;
  }

  /** As of now: whoever asks again has somebody else's changes taken up. */
  remove(place: Place, tryOnly: boolean): Promise<Changed> {
    return config.remove(place, this.revision, tryOnly);
  }

  list(name: ListName): Table[] {
    const entries = this.tables?.[name];
    return Array.isArray(entries) ? entries.filter((one: Json) => isTable(one)) : [];
  }

  single(name: SingleName): Table | undefined {
    const table = this.tables?.[name];
    return isTable(table) ? table : undefined;
  }

  at({ table, id }: Place): Table | undefined {
    return id === null ? this.single(table as SingleName) : this.list(table as ListName).find((one) => one['id'] === id);
  }
}

export const configuration = new Configuration();
