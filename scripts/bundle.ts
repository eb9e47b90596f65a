/**
 * Joins an entry module and all modules it imports into one text: a program of several hundred small modules spends
 * more time being found and linked than it runs. All modules come into one scope: each top-level name stays as it is, or gets
 * a number where another module has the same, so that nothing is called through objects. Types are left for who strips them.
 */
import { dirname, relative, resolve } from 'node:path';
import ts from '@typescript/typescript6';

/** A replacement of text; `from` and `to` are positions in the module. */
interface Edit {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/** Names of the program's own modules come relative; everything else stays an import. */
const isOwn = (specifier: string): boolean => specifier.startsWith('.');

const fail = (node: ts.Node, what: string): never => {
  const file = node.getSourceFile();
  throw new Error(`${file.fileName}:${file.getLineAndCharacterOfPosition(node.getStart()).line + 1}: the bundle cannot hold ${what}`);
};

const targetOf = (node: ts.ImportDeclaration | ts.ExportDeclaration): string | undefined =>
  node.moduleSpecifier !== undefined && ts.isStringLiteral(node.moduleSpecifier) ? node.moduleSpecifier.text : undefined;

export class Bundler {
  private readonly program: ts.Program;
  private readonly checker: ts.TypeChecker;

  /** `files`: all modules, absolute paths. */
  constructor(files: readonly string[]) {
    this.program = ts.createProgram({
      rootNames: [...files],
      options: {
        allowImportingTsExtensions: true,
        noEmit: true,
        noLib: true,
        noResolve: false,
        types: [],
        module: ts.ModuleKind.ESNext,
        moduleResolution: ts.ModuleResolutionKind.Bundler,
        target: ts.ScriptTarget.ESNext,
      },
    });
    this.checker = this.program.getTypeChecker();
  }

  private source(path: string): ts.SourceFile {
    const file = this.program.getSourceFile(path);
    if (file === undefined) throw new Error(`the bundle lacks ${path}`);
    return file;
  }

  /** Modules in the order in which they are evaluated, the entry last. */
  private order(entry: string): ts.SourceFile[] {
    const found: ts.SourceFile[] = [];
    const seen = new Set<string>();
    const visit = (path: string): void => {
      if (seen.has(path)) return;
      seen.add(path);
      const file = this.source(path);
      for (const statement of file.statements) {
        if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) continue;
        if (isTypeOnly(statement)) continue;
        const target = targetOf(statement);
        if (target !== undefined && isOwn(target)) visit(resolve(dirname(path), target));
      }
      found.push(file);
    };
    visit(entry);
    return found;
  }

  /** What an identifier stands for, through imports; undefined for names of the language's own. */
  private symbolOf(identifier: ts.Identifier): ts.Symbol | undefined {
    const shorthand = ts.isShorthandPropertyAssignment(identifier.parent) ? this.checker.getShorthandAssignmentValueSymbol(identifier.parent) : undefined;
    const symbol = shorthand ?? this.checker.getSymbolAtLocation(identifier);
    return symbol === undefined ? undefined : this.resolved(symbol);
  }

  private resolved(symbol: ts.Symbol): ts.Symbol {
    if ((symbol.flags & ts.SymbolFlags.Alias) === 0) return symbol;
    const target = this.checker.getAliasedSymbol(symbol);
    return isOurs(target) ? target : symbol;
  }

  /** The text of the one file that stands in `entry`'s place. */
  bundle(entry: string): string {
    const files = this.order(entry);
    const names = this.chooseNames(files);
    const outside = new Map<string, { defaults: Map<string, string>; named: Map<string, string>; namespace: Map<string, string> }>();
    const parts: string[] = [];
    for (const file of files) {
      const edits: Edit[] = [];
      this.editModule(file, names, outside, entry, edits);
      parts.push(`// ${relative(dirname(entry), file.fileName)}`, apply(file.text, edits).trim());
    }
    return `${[...importsOf(outside), ...parts].join('\n')}\n`;
  }

  /** A name for each top-level symbol that no other symbol of the bundle has, inner ones included. */
  private chooseNames(files: readonly ts.SourceFile[]): Map<ts.Symbol, string> {
    const taken = new Set<string>();
    const top: ts.Symbol[] = [];
    const seen = new Set<ts.Symbol>();
    for (const file of files) {
      const visit = (node: ts.Node): void => {
        if (isOnlyType(node)) return;
        if (ts.isIdentifier(node) && isReference(node)) {
          const symbol = this.symbolOf(node);
          if (symbol === undefined || !isTopLevel(symbol)) taken.add(node.text);
          else if (!seen.has(symbol)) {
            seen.add(symbol);
            top.push(symbol);
          }
        }
        ts.forEachChild(node, visit);
      };
      visit(file);
    }
    const names = new Map<ts.Symbol, string>();
    for (const symbol of top) {
      const base = symbol.name === 'default' ? 'defaultExport' : symbol.name;
      let name = base;
      for (let n = 2; taken.has(name); n++) name = `${base}$${n}`;
      taken.add(name);
      names.set(symbol, name);
    }
    return names;
  }

  private editModule(
    file: ts.SourceFile,
    names: ReadonlyMap<ts.Symbol, string>,
    outside: Map<string, { defaults: Map<string, string>; named: Map<string, string>; namespace: Map<string, string> }>,
    entry: string,
    edits: Edit[],
  ): void {
    const visit = (node: ts.Node): void => {
      if (isOnlyType(node)) return;
      if (ts.isImportDeclaration(node)) {
        edits.push({ from: node.getStart(), to: node.end, text: '' });
        if (!isTypeOnly(node)) this.noteOutside(node, names, outside);
        return;
      }
      if (ts.isExportDeclaration(node)) {
        if (node.exportClause === undefined || ts.isNamespaceExport(node.exportClause)) fail(node, 'export *');
        edits.push({ from: node.getStart(), to: node.end, text: '' });
        return;
      }
      if (ts.isExportAssignment(node)) fail(node, 'a default export');
      if (node.kind === ts.SyntaxKind.ExportKeyword) {
        edits.push({ from: node.getStart(), to: node.end, text: '' });
        return;
      }
      if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
        const specifier = node.arguments[0];
        if (specifier === undefined || !ts.isStringLiteral(specifier)) fail(node, 'an import() of a computed name');
        else if (isOwn(specifier.text)) edits.push(this.moved(file, specifier, entry));
        return;
      }
      if (isOwnUrl(node)) edits.push(this.moved(file, node.arguments?.[0] as ts.StringLiteral, entry));
      if (ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression)) {
        const member = this.memberOfNamespace(node.expression, node.name);
        if (member !== undefined) {
          edits.push({ from: node.getStart(), to: node.end, text: names.get(member) as string });
          return;
        }
      }
      if (ts.isIdentifier(node) && isReference(node)) {
        const symbol = this.symbolOf(node);
        const name = symbol === undefined ? undefined : names.get(symbol);
        if (symbol !== undefined && isModule(symbol)) {
          edits.push({
            from: node.getStart(),
            to: node.end,
            text: (ts.isShorthandPropertyAssignment(node.parent) ? `${node.text}: ` : '') + this.namespaceObject(symbol, names),
          });
          return;
        }
        if (name !== undefined && name !== node.text) {
          const shorthand = ts.isShorthandPropertyAssignment(node.parent);
          edits.push({ from: node.getStart(), to: node.end, text: shorthand ? `${node.text}: ${name}` : name });
        }
      }
      ts.forEachChild(node, visit);
    };
    visit(file);
  }

  /** `ns.name` of an `import * as ns` of an own module: the symbol itself. */
  private memberOfNamespace(namespace: ts.Identifier, member: ts.MemberName): ts.Symbol | undefined {
    const symbol = this.symbolOf(namespace);
    if (symbol === undefined || !isModule(symbol)) return undefined;
    const found = this.checker.getExportsOfModule(symbol).find((one) => one.name === member.text);
    return found === undefined ? fail(member, `${namespace.text}.${member.text}, which does not exist`) : this.resolved(found);
  }

  /** `ns` itself as a value: an object of the values as they are then. */
  private namespaceObject(namespace: ts.Symbol, names: ReadonlyMap<ts.Symbol, string>): string {
    const values = this.checker.getExportsOfModule(namespace).filter((one) => (this.resolved(one).flags & ts.SymbolFlags.Value) !== 0);
    return `{ ${values.map((one) => `${one.name}: ${names.get(this.resolved(one))}`).join(', ')} }`;
  }

  private noteOutside(
    node: ts.ImportDeclaration,
    names: ReadonlyMap<ts.Symbol, string>,
    outside: Map<string, { defaults: Map<string, string>; named: Map<string, string>; namespace: Map<string, string> }>,
  ): void {
    const target = targetOf(node) as string;
    if (isOwn(target)) return;
    const kept = outside.get(target) ?? { defaults: new Map(), named: new Map(), namespace: new Map() };
    outside.set(target, kept);
    const local = (name: ts.Identifier): string => {
      const symbol = this.symbolOf(name);
      return (symbol === undefined ? undefined : names.get(symbol)) ?? name.text;
    };
    const clause = node.importClause;
    if (clause?.name !== undefined) kept.defaults.set(local(clause.name), 'default');
    const bindings = clause?.namedBindings;
    if (bindings !== undefined && ts.isNamespaceImport(bindings)) kept.namespace.set(local(bindings.name), '*');
    else if (bindings !== undefined) {
      for (const one of bindings.elements) if (!one.isTypeOnly) kept.named.set(local(one.name), (one.propertyName ?? one.name).text);
    }
  }

  /** A relative name, seen from the entry. */
  private moved(file: ts.SourceFile, literal: ts.StringLiteral, entry: string): Edit {
    const path = relative(dirname(entry), resolve(dirname(file.fileName), literal.text)).replace(/\.ts$/, '.js');
    return { from: literal.getStart(), to: literal.end, text: JSON.stringify(path.startsWith('.') ? path : `./${path}`) };
  }
}

const isTypeOnly = (node: ts.ImportDeclaration | ts.ExportDeclaration): boolean =>
  ts.isImportDeclaration(node) ? node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword : node.isTypeOnly;

/** Is it gone once types are stripped? */
const isOnlyType = (node: ts.Node): boolean =>
  ts.isInterfaceDeclaration(node) ||
  ts.isTypeAliasDeclaration(node) ||
  ts.isTypeParameterDeclaration(node) ||
  (ts.isHeritageClause(node) && node.token === ts.SyntaxKind.ImplementsKeyword) ||
  (ts.isTypeNode(node) && !ts.isExpressionWithTypeArguments(node));

/** `new URL('./...', import.meta.url)`. */
function isOwnUrl(node: ts.Node): node is ts.NewExpression {
  if (!ts.isNewExpression(node) || node.expression.getText() !== 'URL') return false;
  const [name, base] = node.arguments ?? [];
  return name !== undefined && ts.isStringLiteral(name) && isOwn(name.text) && base?.getText() === 'import.meta.url';
}

/** Does an identifier name a variable here (and not a property, a label or part of an import)? */
function isReference(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  if (ts.isPropertyAssignment(parent) || ts.isPropertyDeclaration(parent)) return parent.initializer === node;
  if (ts.isMethodDeclaration(parent) || ts.isGetAccessor(parent) || ts.isSetAccessor(parent)) return false;
  if (ts.isBindingElement(parent)) return parent.propertyName !== node;
  if (ts.isLabeledStatement(parent) || ts.isBreakOrContinueStatement(parent) || ts.isMetaProperty(parent)) return false;
  return !ts.isExportSpecifier(parent);
}

/** Is it declared in a module of the program (and not in the declarations of Node or of a package)? */
const isOurs = (symbol: ts.Symbol): boolean => symbol.declarations?.[0]?.getSourceFile().isDeclarationFile === false;

/** Is it one of the program's modules as a whole? */
const isModule = (symbol: ts.Symbol): boolean => isOurs(symbol) && (symbol.flags & ts.SymbolFlags.ValueModule) !== 0;

/** Is the symbol declared at the top of a module? (Imports of modules that stay outside are.) */
function isTopLevel(symbol: ts.Symbol): boolean {
  const declaration = symbol.declarations?.[0];
  if (declaration === undefined || !isOurs(symbol)) return false;
  if (ts.isSourceFile(declaration)) return true;
  let node: ts.Node = declaration;
  while (!ts.isSourceFile(node.parent)) {
    node = node.parent;
    const binding = ts.isVariableDeclarationList(node) || ts.isVariableDeclaration(node) || ts.isVariableStatement(node);
    const pattern = ts.isBindingElement(node) || ts.isObjectBindingPattern(node) || ts.isArrayBindingPattern(node);
    const imported = ts.isImportClause(node) || ts.isNamedImports(node) || ts.isImportDeclaration(node);
    if (!binding && !pattern && !imported) return false;
  }
  return true;
}

function apply(text: string, edits: readonly Edit[]): string {
  let result = '';
  let at = 0;
  for (const edit of [...edits].sort((a, b) => a.from - b.from)) {
    if (edit.from < at) throw new Error('the bundle has two edits in one place');
    result += text.slice(at, edit.from) + edit.text;
    at = edit.to;
  }
  return result + text.slice(at);
}

function importsOf(outside: ReadonlyMap<string, { defaults: Map<string, string>; named: Map<string, string>; namespace: Map<string, string> }>): string[] {
  const lines: string[] = [];
  for (const [target, { defaults, named, namespace }] of outside) {
    for (const local of namespace.keys()) lines.push(`import * as ${local} from '${target}';`);
    for (const local of defaults.keys()) lines.push(`import ${local} from '${target}';`);
    const list = [...named].map(([local, name]) => (local === name ? name : `${name} as ${local}`));
    if (list.length > 0 || (defaults.size === 0 && namespace.size === 0)) lines.push(`import { ${list.join(', ')} } from '${target}';`);
  }
  return lines;
}
