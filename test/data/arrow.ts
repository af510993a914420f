/** Arrow files with compressed buffers, as pyarrow 25 writes them (`feather.write_feather` with LZ4 where nothing is said). */
import { gunzipSync } from 'node:zlib'

export type PackedArrow = keyof typeof files

/**
 * Of 12,000 rows: `x` is 1.5 and 2.5 in turn, `t` the only text of a dictionary but for one in eight, which is missing. A
 * buffer of `x` has two blocks of LZ4, of which the second refers to the first. The short ones have 96 rows in two batches:
 * the same, texts, and lists of two.
 */
const files = {
  lz4:
    'H4sIAAAAAAACA+VVvU7DMBA+J04ToUgNUodUqtQCA0xI8AK4Gwsi6gJswMQDINExQuKdiliy0bFiRqgjI1u7wd35kpgguqKKq87n' +
    '+7U/O+cOR6PTswOAT6QZACRAtAExtCCACGdISoNGMcEYkh7yGLnD8SlGtSDEjAQtNl8F5DPIPWQNlhTyLXKEP7LSGLMeI4esU9iA' +
    'vXZNqlnWJ03q+yTTRu0xxlFsiy0ej4RrInsFXi8VZDFXBE9zHQM1uftLOKeHUlc554KrI+uWVO7Zh9+pL3Igsuv4VKOe3YvU3j5J' +
    'L809qnkNzpmIH9X86trJJ/zTVfh9zVimXp3TxHvj4J3v/8SrV+B9FECFyF2xv4v+5sR6jfrg6K+BGO5UhdeYoovaJh7a1vIohEPQ' +
    'JoJ2wqD/M71kdELmAezhtD/+aiMXdiPOfZb3KN8rtVd/oeyNTbMFEfvzp29xz9w6aq1vdidr9CVU70uHXy56QWPprGMc96S36Iuf' +
    'S7/MJN/tV/bLvBBZnvm6vdkJGof8n/QFwSp1tZoGAAA=',
  zstd:
    'H4sIAAAAAAACA9VUO07DQBB9a2+cCFwYkSKIgFxQUKDwSYNEQdLRIFAkRGs4gQsEkWhyFC6BhKChQaJMB0WKdBwhNBHMjMfOJijp' +
    'GWv8due3+3bWbnc6Z5f7wA9JH0AEliWECFBChUYkxsISPFEMo0faJa1KfI2iApQpIyJLlm9K7GuR1kktMjGkN6QVetjK71DmIWlZ' +
    '5hwWizdbk2vm9Xmm9X3G2kztLsVxbCAWT97M61X3ClmvpsxCqQjPSp1DTMTdXyQ5m4S2yElIt3R9A1cC4RHolnzMlzXFWHHV8Zk/' +
    'dZGfDbYfd8dxpQ2H4tRQ/N4KcHVd8O8v4u9b6VHqrDXLN3X4Dhvz+doFfHcU9xTXFc8V65jmMr3OZD4oqeHOFHwfePKW9YXk+xi2' +
    'BR9ft80mDhqpdfM4PhnYU+rsaGTwMcay2Hsvjr/3fCGdN7g/2khMfo4o7kNVmPONlzOkszrhXL2PnDDUBn7qdtOZ/g51/K6Y37//' +
    '9o1FZGzLP+QX8r8WeEoEAAA=',
  shortLz4:
    'H4sIAAAAAAACA+2XPXBUVRTH79u8zS7JCgsusPkQlhCRb5KIiIiwAeTLAGv4inwuMSo66jAO42Qcx9lxUlBQWDijM1pQUFhYUFBQ' +
    'UFBYWFg4QkFBQcEMFBYUzkjhDP7u3f9L3rvJBlJJ4f3NP/ed9867eeecd8+87R8cPHC015jHjEpgTN7Y0WJyptmkTZYjRhCakGk9' +
    'Pna2+gd9j6qyu7mGY67AcVHnWM6tZ+ePUQWfgbpfKh/zM5o/PP/eJ/b4ovMxgfX5su6ftseFmL9d8zy6zPU8K2V53gxPncerHkOQ' +
    'tv5l1OndN4KyYM/avzln51DG2dat5K7W47ZrRutbS+s3+THYtUfxs77N7kzK5fWant24/1VUZnNuNZMK3RplMzHiz5Z393Qyh+P3' +
    'DCmmgv6nGc9h/XmbTOOxWHNJc1vsWuCtV38Wrd21r1gtf41ZqwemkUpex6ydGY7db+M/G0wTf1PoYimGE/f48d6OxVueIt7WaeLt' +
    '1bxR81LNVc1dmi9490V2hxLyk+Y+nb/rJSqyI/9JRZC9MHZf2ovHxOysZ5sGds0POJWoRzuHcynqkkdbMzx7WM6aOXnz+GbFusTX' +
    'yiXriFn7OzaSL8mEX6t7pQJzv+I9Rpj0w6xF2zzactGWLqq89pXsRsvRatRjW45Kt1mh70C70YBtJ+iQtsMJldRu7bNqN+fUIkZt' +
    'G1GqxlTai+gb9K3a2I/okm0nttToZ3QFXUV2+15HN9Av6Ff0G/od3dLrece+AugeeoD+RA/RX+iR2mVybyXz02G3SnCGMcx4lzHC' +
    'yJvbFXfwxLymlNtm5bdFOZ6tPM9Trhco3+3K+SLlvUu5X6b8r1QN1qoOfarFBtVjk2qyRXXZptrsVH32qkb7VadB1eqI6nVMNTul' +
    'ug2rdu+rfh+php+qjp+plp+rnl+opl9N2gLJ/BjlJ4AUNIFtGmlodi0949rtLGiBVrBN5zmYDXPANvy5MA+ehwLMhwWwEIrQBu3Q' +
    'AZ3wAiyCxVCCJdAFS6EbXoRl8BIshxWwElbBalgDa2Ed9EAv9MHLsB5egQ3wKmyE12ATvA6b4Q3YAlthRn34Qurp+nBphn24x5s7' +
    'NFe8Pjzq3RfZP2guen244vXhyI78H3rXI/s7k+zDJe//lmLfJWaa6436svcetk3Zh/+YaMNhsv+G6r+T+rzXdz/w++5Y0m/MPBt9' +
    't1EcjfrekN/3GsT1X/e9RnFh1sp49MM22A474E3YCbtgN+yBvfAWDMA+2A8HoAJvwyAchENwGI7AURiCd+AYHIcTcBJOwWkY3/dm' +
    '/Duy4L5O7VdyTm/3iAIJlcyq9v85vb/Rd9mDTPJ8vE/YU1WdvzHFfvj/d8PMfzdc4WS/+232L359cEeiDQAA',
  shortZstd:
    'H4sIAAAAAAACA3MMCvIPN2Rg+A8EAYwMDAIMIMDFwMPAxsDKwAFkAQEjCwMLkDIBqgHRIPwHiGcAcQKUrwKUAyrkEQGyJaBiQOPA' +
    '5oHoHCAOAKrxgahjEkBSxwClM0tSc0HsHrAaBkaQmhqIelYQWwRJPcjMEiBeApQXAJrEAXQvO9DVAkBVED8wsoLUOwCxDJq+FCDm' +
    'AEKQKIjkAfN5gJgdzAcpUwDLQvwNMhNmPogHNZ8Z3Q8gsyuA6kBq2cAiTOBwPQB1OwPYLgloyPKATWNgYgGbYcGAAMhuEwDrkQPS' +
    'LHA9oDBXgdrNyIAM2MB+YIM6h5kBN5CE0gpQWhhJjhHDXAZYuDBobNX/q8DhyAD1HhwwIcszCTIwJCaB+SD/FzDi8T8zCzh+MpDM' +
    'QvfvAyT/OuDxLzce/2pCaQMoLQulA6C0NJQuQNMH40+EhQMjqnkWaAEF47dD+QfQ5GH85UhirBj+QvA50PgMOPgN6B5mQsRHAgPj' +
    'XkiqAYIf9gwsDgzMDM+NRRmM9ApY4GGOFH88iQwM35EAAyJBQMxj8AWnTEaGaq4EiAQLsjwLw19mBrcLcgoNe6Vl+o9dztwS1fvs' +
    'Y4aNXO/yyxlbpc4+vlhhI+U/3UFTlAEEJ9i/q3jco7+u4lGHfF7FwxZ+vYoHzI7/73w+Z3k/5vMZw/13Pp3SnB/z6QTz4X+7Xq/d' +
    'vG/Xq5WL63a9XDrZbteLhczM/8rvVz+vLb9bfPxv2e3s5bVlN5OZURIzwt3AcGhIBIIkIEgGghQgYGS45XxWFVYOofpjLdAfATJi' +
    'ArXmXUmuGxdFBK7RCBPR7hI92vWoWQTi+n7rexaPu7XnWTxql46zeNjMLWfxgNn++57ic+bXbYrP6G/fU3RKfbpN0Qnm/e+qXq9Z' +
    'v67q1Yr5eVUvl/TrVb1YwPz/7vd7lfdjv98p3H/3263M+bHfbiQyY7h7LQsDW4AKh8CPHDb51T6M8gyKQCgtLSkpLi4qKiwsKMjP' +
    'z8vLzc3Jyc7OysrMzMi4/z67tbWlpbm5qamxsaGhvr6urra2pqa6uqqqsrKiory8rCxjdHRkZHh4aGhwcGCgv7+vr7e3p6e7u6ur' +
    's7Ojo729rS1jdXVlZXl5aWlxcWFhfn5ubnZ2ZmZ6empqcnJiYnx8bCwj8fl7AiNx+VuBSvlbFEp7oJV3GWj6YHw/KL0Dlg+g9AM0' +
    '9TC+J8w+tPwN48ej5W8FNHMUkOo9BjzyuPI7ZrpGz98zWRykmSyY0OwB528WRUj+Rio3wOINrtBsbc0aARVvQZZvecvI4OTBJzxh' +
    'r2TO1q1bt127FhYdnZ2du1aV9f+7vdbf397anLw/b6/V15eXFjvXv9tj+fnpqcnK9nl7LD4+PNTMLI9hH47suKSYE9Xeo0B7OXj5' +
    'BGqNYdlQwoORWCtRykeIvaVMDEwdQgIJeyWzD0ZtEFvjK8DiKNAXvD9+/fbbT4u2R681m300aX346q1RS4OWB680kWp1mu+/fPPN' +
    'FKPp3kuNZroo9bsv3hihItTuvNBAgoUJmg8Y4PW1CDjlglojPNDQT4HGIQu0aE6ARkwFNB5h9Z8DG6o4cr4BMaHFLcMJWH2DlCRG' +
    '22ekt882AAUdwW1gAFoDyFEKCwAA',
}

export const packedArrow = (name: PackedArrow): Buffer => gunzipSync(Buffer.from(files[name], 'base64'))
