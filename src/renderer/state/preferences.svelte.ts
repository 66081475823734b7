import { type PreferenceValues, parsePreferences } from '../lib/preferences';
import { recall, remember } from '../lib/storage';

/**
 * The person's preferences in this window, one for all of it: `preferences.values.maskOpacity` is reactive, `set`
 * takes effect at once and is kept.
 */
class Preferences {
  values = $state.raw<PreferenceValues>(parsePreferences(recall('preferences')));

  set<Name extends keyof PreferenceValues>(name: Name, value: PreferenceValues[Name]): void {
    this.#keep({ ...this.values, [name]: value });
  }

  reset(): void {
    this.#keep(parsePreferences(null));
  }

  #keep(values: PreferenceValues): void {
    this.values = values;
    remember('preferences', JSON.stringify(values));
  }
}

export const preferences = new Preferences();
